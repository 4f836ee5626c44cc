/**
 * The native calls through koffi, for a daemon whose addon could not be built: the same calls, with 2 MB more that
 * stay resident. What src/native/give-back.c says of each holds here.
 */
import { arch } from 'node:process';
import type { LibraryHandle } from 'koffi';
import type { NativeMemory } from './native.ts';

/** The number of userfaultfd(2): x86-64 has numbers of its own, later architectures share theirs. */
const USERFAULTFD = arch === 'x64' ? 323 : 282;
const O_CLOEXEC_NONBLOCK = 0o2004000;
const UFFD_USER_MODE_ONLY = 1;
const UFFD_API = 0xaan;
const UFFD_FEATURE_WP_ASYNC = 1n << 15n;
const UFFDIO_API = 0xc018aa3f;
const UFFDIO_REGISTER = 0xc020aa00;
const UFFDIO_REGISTER_MODE_WP = 2n;
const MADV_DONTNEED = 4;
const SET_DEADLOCK_DETECTION = '_ZN4absl29SetMutexDeadlockDetectionModeENS_15OnDeadlockCycleE';

/** Null where the process has no such function. */
function find<F>(library: LibraryHandle, declaration: string): F | null {
  try {
    return library.func(declaration) as unknown as F;
  } catch {
    return null; // an optional one: other C libraries and other versions of Node lack it
  }
}

/** Throws where koffi is not installed, or has no build for this platform. */
export async function koffiMemory(): Promise<NativeMemory> {
  const koffi = await import('koffi');
  const own = koffi.load(null);
  const madvise = own.func('int madvise(uintptr_t, size_t, int)') as (
    at: bigint,
    length: bigint,
    how: number,
  ) => number;
  const syscall = own.func('long syscall(long, int)') as (call: number, flags: number) => number;
  const ioctl = own.func('int ioctl(int, unsigned long, _Inout_ void *)') as (
    descriptor: number,
    request: number,
    data: BigUint64Array,
  ) => number;
  const trim = find<(keep: number) => number>(own, 'int malloc_trim(size_t)');
  const setDetection = find<(mode: number) => void>(own, `void ${SET_DEADLOCK_DETECTION}(int)`);
  const close = own.func('int close(int)') as (descriptor: number) => number;
  let descriptor = -1;
  /** Gives 0, or -errno: then it may be tried again. */
  const open = (): number => {
    if (descriptor >= 0) return 0;
    const opened = Number(syscall(USERFAULTFD, O_CLOEXEC_NONBLOCK | UFFD_USER_MODE_ONLY));
    if (opened < 0) return -koffi.errno();
    if (ioctl(opened, UFFDIO_API, BigUint64Array.of(UFFD_API, UFFD_FEATURE_WP_ASYNC, 0n)) !== 0) {
      const error = koffi.errno();
      close(opened);
      return -error;
    }
    descriptor = opened;
    return 0;
  };
  const each = (ranges: BigUint64Array, act: (at: bigint, length: bigint) => boolean): number => {
    let acted = 0;
    for (let i = 0; i + 1 < ranges.length; i += 2) acted += Number(act(ranges[i] ?? 0n, ranges[i + 1] ?? 0n));
    return acted;
  };
  return {
    giveBack: (ranges) => each(ranges, (at, length) => madvise(at, length, MADV_DONTNEED) !== 0),
    withoutFaultAround: (ranges) =>
      open() ||
      each(
        ranges,
        (at, length) =>
          ioctl(descriptor, UFFDIO_REGISTER, BigUint64Array.of(at, length, UFFDIO_REGISTER_MODE_WP, 0n)) === 0,
      ),
    trim: () => {
      trim?.(0);
      return trim !== null;
    },
    quietMutexes: () => {
      setDetection?.(0);
      return setDetection !== null;
    },
    collect: () => false, // koffi calls on a stack of its own, and V8 looks through the one that it knows
    countPresent: () => false, // all pages count as cold then
    giveBackFilled: () => 0, // 1 MB of Node 24's that is not worth reading the memory through koffi for
  };
}
