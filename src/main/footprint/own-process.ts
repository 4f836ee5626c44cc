/** This process, for the footprint: its maps, its collector, what it stands on. */
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { readProcBytes } from '../../shared/platform/proc.ts';
import type { OwnProcess } from './footprint.ts';
import { unreliableFile } from './local-files.ts';
import { mappedFiles } from './mappings.ts';
import { loadNative } from './native.ts';
import { ResidentMemory } from './resident-memory.ts';

type Collect = (options?: { type: 'major'; execution: 'sync'; flavor: 'last-resort' }) => void;

/** V8 11 (Node 20) takes any options for a minor collection, and none for a major one. */
const KNOWS_FLAVORS = Number.parseInt(process.versions.v8, 10) >= 12;

/**
 * At run time, not on the command line: there these flags would make Node's own compiled code unusable, and slow the
 * start. They hold for every thread. Called before anything else has run, code that runs at the start only is not
 * compiled either.
 */
export function compile(on: boolean): void {
  for (const compiler of ['opt', 'sparkplug', 'maglev']) setFlagsFromString(on ? `--${compiler}` : `--no-${compiler}`);
}

/** Larger ones are not of a process as it is known here. */
const SMAPS_BYTES = 2 * 1024 * 1024;
const MAPS_BYTES = 256 * 1024;

/** Throws where the file is not smaller than `maxBytes`. */
function wholeFile(path: string, maxBytes: number): Buffer {
  const bytes = readProcBytes(path, maxBytes);
  if (bytes.length === maxBytes) throw new Error(`${path} is larger than ${maxBytes} bytes`);
  return bytes;
}

/** None where /proc does not tell: then the program's own text is missed when pages are looked for, and that is told. */
function linkedFiles(): Set<string> {
  try {
    return mappedFiles(wholeFile('/proc/self/maps', MAPS_BYTES));
  } catch {
    return new Set();
  }
}

/** To be made before anything else is loaded into the process: what is mapped then counts as linked. */
export function ownProcess(bundles: string): OwnProcess {
  let collector: Collect | null = null;
  const linked = linkedFiles();
  const resident = new ResidentMemory();
  return {
    executable: process.execPath,
    linked,
    // as long as it is: 4 KB for each container of a host, by the hundred
    unreliable: () => unreliableFile(linked, readFileSync('/proc/self/mountinfo', 'latin1')),
    residentBytes: () => resident.bytes(),
    compareResident: () => resident.compare(),
    smaps: () => wholeFile('/proc/self/smaps', SMAPS_BYTES),
    maps: () => wholeFile('/proc/self/maps', MAPS_BYTES),
    async loadNative() {
      const loaded = await loadNative(bundles);
      // seconds before the table of locks is given back: whoever was at it then has long left it
      loaded.native?.calls.quietMutexes();
      return loaded;
    },
    compile,
    cpuMs() {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1000;
    },
    keepCode(collections) {
      setFlagsFromString(`--bytecode-old-age=${collections}`);
    },
    collect(calls) {
      // with each, not only where V8 finds it worth its while: 0.7 MB
      setFlagsFromString('--compact-on-every-full-gc');
      if (calls?.collect()) return;
      if (!collector) {
        setFlagsFromString('--expose-gc');
        collector = runInNewContext('gc') as Collect;
      }
      if (KNOWS_FLAVORS) collector({ type: 'major', execution: 'sync', flavor: 'last-resort' });
      else collector();
    },
  };
}
