/**
 * Whole files of /proc and /sys. Most are written by the kernel at each read; the ones with many records
 * (mountinfo, net/dev, diskstats) come at most a page a read however large the buffer, always in whole records.
 */
import { closeSync, openSync, readSync } from 'node:fs';
import { DaemonError } from '../../shared/errors/daemon-error.ts';

const FIRST_BUFFER = 16 * 1024;
/** No file that is read here is near this; a reader that never ends must still end. */
const LARGEST_FILE = 16 * 1024 * 1024;

/**
 * The bytes of a file. A file that outgrows the buffer is read again from its start into one twice as large.
 * @throws the system's error; RangeError for a file over 16 MiB.
 */
export function readWhole(path: string, firstBuffer = FIRST_BUFFER): Buffer {
  const fd = openSync(path, 'r');
  try {
    for (let size = firstBuffer; size <= LARGEST_FILE; size *= 2) {
      const buffer = Buffer.allocUnsafe(size);
      let length = 0;
      for (;;) {
        const read = readSync(fd, buffer, length, size - length, length);
        if (read === 0) return buffer.subarray(0, length);
        length += read;
        if (length === size) break;
      }
    }
  } finally {
    closeSync(fd);
  }
  throw new RangeError(`${path} is larger than ${LARGEST_FILE} bytes`);
}

/** The text of a file that a collector cannot do without. @throws DaemonError D5001 */
export function readRequired(path: string): string {
  try {
    return readWhole(path).toString('utf8');
  } catch (error) {
    throw new DaemonError('D5001', `cannot read ${path}`, { cause: error, retryable: true });
  }
}

/** Null where the file is absent or will not be read (PSI switched off answers ENOTSUP): what it gives is left out. */
export function readOptional(path: string, firstBuffer = FIRST_BUFFER): string | null {
  try {
    return readWhole(path, firstBuffer).toString('utf8');
  } catch {
    return null;
  }
}
