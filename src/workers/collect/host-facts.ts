/**
 * What kind of host this is, from files alone: no command is run and nothing on the network is asked. What nothing
 * tells is empty.
 */
import { existsSync } from 'node:fs';
import type { HostFacts } from '../../shared/contracts/jobs.ts';
import { type DmiNames, dmiCloud, isVirtualMaker } from './dmi-names.ts';
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

interface ContainerMarks {
  cgroup: string;
  /** As the container's manager calls itself: in the environment of pid 1, or where systemd noted it. */
  named: string;
  inPod: boolean;
  dockerFile: boolean;
  podmanFile: boolean;
  systemdFile: boolean;
}

const CONTAINER_CGROUP = /(docker|kubepods|containerd|libpod|lxc)[-/.]/;

function containerMarks({ procRoot, fileRoot }: HostRoots): ContainerMarks {
  const environment = (readOptional(`${procRoot}/1/environ`) ?? '').split('\0');
  const noted = readOptional(`${fileRoot}/run/systemd/container`);
  const named = environment.find((entry) => entry.startsWith('container='))?.slice('container='.length);
  return {
    cgroup: readOptional(`${procRoot}/1/cgroup`) ?? '',
    named: named ?? noted?.trim() ?? '',
    inPod:
      environment.some((entry) => entry.startsWith('KUBERNETES_SERVICE_HOST=')) ||
      existsSync(`${fileRoot}/run/secrets/kubernetes.io`),
    dockerFile: existsSync(`${fileRoot}/.dockerenv`),
    podmanFile: existsSync(`${fileRoot}/run/.containerenv`),
    systemdFile: noted !== null,
  };
}

/** The outermost name that a person would use: a pod's containers are Docker's or containerd's underneath. */
function containerKind({ cgroup, named, inPod, dockerFile, podmanFile }: ContainerMarks): string {
  if (inPod || /kubepods[-/.]/.test(cgroup)) return 'kubernetes';
  if (podmanFile || named === 'podman' || /libpod[-/.]/.test(cgroup)) return 'podman';
  if (dockerFile || named === 'docker' || /docker[-/.]/.test(cgroup)) return 'docker';
  if (named.startsWith('lxc') || /lxc[-/.]/.test(cgroup)) return 'lxc';
  return '';
}

function isContainer(marks: ContainerMarks): boolean {
  return containerKind(marks) !== '' || marks.named !== '' || marks.systemdFile || CONTAINER_CGROUP.test(marks.cgroup);
}

function dmiNames({ sysRoot }: HostRoots): DmiNames {
  const read = (name: string): string => readOptional(`${sysRoot}/class/dmi/id/${name}`)?.trim() ?? '';
  return {
    sysVendor: read('sys_vendor'),
    productName: read('product_name'),
    biosVendor: read('bios_vendor'),
    biosVersion: read('bios_version'),
    chassisAssetTag: read('chassis_asset_tag'),
  };
}

function machine({ procRoot, sysRoot }: HostRoots, dmi: DmiNames): string {
  const flags = /^flags\s*:(.*)$/m.exec(readOptional(`${procRoot}/cpuinfo`) ?? '')?.[1]?.split(' ');
  const told = existsSync(`${sysRoot}/hypervisor/type`) || existsSync(`${procRoot}/device-tree/hypervisor`);
  if (told || flags?.includes('hypervisor') || isVirtualMaker(dmi)) return 'vm';
  // x86 says so in its flags; elsewhere a machine that names another maker is taken to be its make.
  return flags || dmi.sysVendor || dmi.productName ? 'bare metal' : '';
}

export function readHostFacts(roots: HostRoots = REAL_ROOTS): HostFacts {
  const osRelease =
    readOptional(`${roots.fileRoot}/etc/os-release`) ?? readOptional(`${roots.fileRoot}/usr/lib/os-release`);
  const marks = containerMarks(roots);
  const dmi = dmiNames(roots);
  return {
    os: prettyName(osRelease ?? ''),
    kernel: readOptional(`${roots.procRoot}/sys/kernel/osrelease`)?.trim() ?? '',
    virtualization: isContainer(marks) ? 'container' : machine(roots, dmi),
    container: containerKind(marks),
    cloud: dmiCloud(dmi),
  };
}
