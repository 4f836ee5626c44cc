/**
 * Whose machine it is by what its firmware says of itself (SMBIOS, in Linux `/sys/class/dmi/id`). Pure. Providers set
 * these names on purpose, so that images can tell where they run.
 */
export interface DmiNames {
  sysVendor: string;
  productName: string;
  biosVendor: string;
  biosVersion: string;
  chassisAssetTag: string;
}

/** Of Azure, where maker and product are the same as on any Hyper-V. */
const AZURE_ASSET_TAG = '7783-7084-3265-9085-8269-3286-77';

/** In order: those built upon OpenStack name themselves more narrowly than by it. */
const CLOUDS: readonly (readonly [string, (dmi: DmiNames) => boolean])[] = [
  ['aws', ({ sysVendor, biosVendor }) => sysVendor === 'Amazon EC2' || biosVendor === 'Amazon EC2'],
  ['aws', ({ sysVendor, biosVersion }) => sysVendor === 'Xen' && /amazon/i.test(biosVersion)],
  // not by the maker alone: Chromebooks have it too
  ['gcp', ({ productName }) => productName === 'Google Compute Engine'],
  ['azure', ({ chassisAssetTag }) => chassisAssetTag === AZURE_ASSET_TAG],
  ['digitalocean', ({ sysVendor }) => sysVendor === 'DigitalOcean'],
  ['hetzner', ({ sysVendor }) => sysVendor === 'Hetzner'],
  ['alibaba', ({ sysVendor, productName }) => /^Alibaba Cloud/.test(`${sysVendor} ${productName}`.trim())],
  ['oracle', ({ chassisAssetTag }) => chassisAssetTag === 'OracleCloud.com'],
  ['openstack', ({ sysVendor, productName }) => /^OpenStack/.test(sysVendor) || /^OpenStack/.test(productName)],
];

/** Empty where it names none. */
export function dmiCloud(dmi: DmiNames): string {
  return CLOUDS.find(([, is]) => is(dmi))?.[0] ?? '';
}

const VM_MAKERS =
  /QEMU|KVM|VMware|innotek|VirtualBox|Xen|Bochs|Parallels|BHYVE|Amazon EC2|Google|OpenStack|Virtual Machine|DigitalOcean|Hetzner vServer|Alibaba Cloud/i;

export function isVirtualMaker({ sysVendor, productName }: DmiNames): boolean {
  return VM_MAKERS.test(`${sysVendor} ${productName}`);
}
