/** What kind of host this is, from files: `virtualization` is `container`, `vm`, `bare metal`, or empty where nothing tells. */
import { existsSync } from 'node:fs';
import type { HostFacts } from '../../shared/contracts/jobs.ts';
import { readOptional } from './read.ts';

export interface HostRoots {
  procRoot: string;
  sysRoot: string;
  /** Put before `/etc`, `/run` and `/`; empty for the real ones. */
  fileRoot: string;
}

export const REAL_ROOTS: HostRoots = { procRoot: '/proc', sysRoot: '/sys', fileRoot: '' };

/** PRETTY_NAME of os-release(5), without its quotes. */
export function prettyName(osRelease: string): string {
  const value = /^PRETTY_NAME=(.*)$/m.exec(osRelease)?.[1]?.trim() ?? '';
  const quoted = /^(["'])(.*)\1$/.exec(value)?.[2];
  return (quoted ?? value).replace(/\\(["'$`\\])/g, '$1');
}

const CONTAINER_CGROUP = /(docker|kubepods|containerd|libpod|lxc)[-/.]/;
const VM_MAKERS =
  /QEMU|KVM|VMware|innotek|VirtualBox|Xen|Bochs|Parallels|BHYVE|Amazon EC2|Google|OpenStack|Virtual Machine|DigitalOcean|Hetzner vServer|Alibaba Cloud/i;

function isContainer({ procRoot, fileRoot }: HostRoots): boolean {
  if (existsSync(`${fileRoot}/.dockerenv`) || existsSync(`${fileRoot}/run/.containerenv`)) return true;
  if (existsSync(`${fileRoot}/run/systemd/container`)) return true;
  if (/(^|\0)container=/.test(readOptional(`${procRoot}/1/environ`) ?? '')) return true;
  return CONTAINER_CGROUP.test(readOptional(`${procRoot}/1/cgroup`) ?? '');
}

function virtualization(roots: HostRoots): string {
  if (isContainer(roots)) return 'container';
  const { procRoot, sysRoot } = roots;
  const flags = /^flags\s*:(.*)$/m.exec(readOptional(`${procRoot}/cpuinfo`) ?? '')?.[1]?.split(' ');
  const dmi = ['sys_vendor', 'product_name']
    .map((name) => readOptional(`${sysRoot}/class/dmi/id/${name}`)?.trim() ?? '')
    .join(' ')
    .trim();
  const told = existsSync(`${sysRoot}/hypervisor/type`) || existsSync(`${procRoot}/device-tree/hypervisor`);
  if (told || flags?.includes('hypervisor') || VM_MAKERS.test(dmi)) return 'vm';
  // x86 says so in its flags; elsewhere a machine that names another maker is taken to be its make.
  return flags || dmi ? 'bare metal' : '';
}

export function readHostFacts(roots: HostRoots = REAL_ROOTS): HostFacts {
  const osRelease =
    readOptional(`${roots.fileRoot}/etc/os-release`) ?? readOptional(`${roots.fileRoot}/usr/lib/os-release`);
  return {
    os: prettyName(osRelease ?? ''),
    kernel: readOptional(`${roots.procRoot}/sys/kernel/osrelease`)?.trim() ?? '',
    virtualization: virtualization(roots),
  };
}
