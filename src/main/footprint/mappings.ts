/**
 * Which parts of the process's memory may be given back to the kernel at any moment, from /proc/self/smaps (proc(5)).
 * Pure. A page of a file that is mapped privately, never written through this mapping, comes back from the file when
 * it is touched again; anything else would be lost, which is why everything that is not known to be such is left alone.
 */
export interface Mapping {
  /** Addresses; the end is the first one after it. Those of a program are below 2^53, where a number holds them. */
  start: number;
  end: number;
  /** `r-xp`. */
  permissions: string;
  inode: number;
  /** Empty for memory without a name; `[heap]`, `[stack]` … */
  path: string;
  /** Of one page: with some kernels for arm64 16 or 64 KiB. */
  pageBytes: number;
  rssBytes: number;
  privateDirtyBytes: number;
  anonymousBytes: number;
  swapBytes: number;
  /** The line of the address range up to the inode, as /proc/self/maps has it too. */
  head: string;
}

export interface Range {
  start: number;
  end: number;
}

const HEAD = /^([0-9a-f]+)-([0-9a-f]+) ([-rwxsp]{4}) [0-9a-f]+ [0-9a-f]+:[0-9a-f]+ (\d+) *(.*)$/;
const KILOBYTES = /^ +(\d+) kB$/;
/** The first letters of a mapping's further lines; those of an address range are hexadecimal digits in lower case. */
const [FIRST_CAPITAL, LAST_CAPITAL] = [0x41, 0x5a];
const NEW_LINE = 0x0a;
/** What is counted and cut in, here and in the native calls; where the kernel's are larger nothing is given back. */
export const PAGE_BYTES = 4096;

/**
 * Throws an Error with the line where the text is not what proc(5) says. It is some hundred KB of which little is
 * wanted: only that is made into strings, since this runs in a heap that is to stay small.
 */
export function parseSmaps(text: Buffer): Mapping[] {
  const mappings: Mapping[] = [];
  for (let at = 0, end = 0; at < text.length; at = end + 1) {
    end = text.indexOf(NEW_LINE, at);
    if (end < 0) end = text.length;
    const first = text[at] ?? 0;
    if (first >= FIRST_CAPITAL && first <= LAST_CAPITAL) takeFigure(mappings.at(-1), text, at, end);
    else mappings.push(parseHead(text.toString('latin1', at, end)));
  }
  const partial = mappings.find(({ pageBytes, rssBytes, privateDirtyBytes, anonymousBytes, swapBytes }) =>
    [pageBytes, rssBytes, privateDirtyBytes, anonymousBytes, swapBytes].includes(-1),
  );
  if (partial) throw new Error(`smaps does not say how ${partial.head} is used`);
  return mappings;
}

function unreadable(line: string): Error {
  return new Error(`not a line of smaps: ${JSON.stringify(line)}`);
}

function parseHead(line: string): Mapping {
  const found = HEAD.exec(line);
  if (!found) throw unreadable(line);
  const [, start = '', end = '', permissions = '', inode = '', path = ''] = found;
  return {
    ...{ start: Number.parseInt(start, 16), end: Number.parseInt(end, 16), permissions },
    ...{ inode: Number(inode), path, pageBytes: -1, rssBytes: -1, privateDirtyBytes: -1 },
    ...{ anonymousBytes: -1, swapBytes: -1 },
    head: line.slice(0, line.length - path.length).trimEnd(),
  };
}

const PAGE = Buffer.from('KernelPageSize:');
const RSS = Buffer.from('Rss:');
const PRIVATE_DIRTY = Buffer.from('Private_Dirty:');
const ANONYMOUS = Buffer.from('Anonymous:');
const SWAP = Buffer.from('Swap:');

function takeFigure(mapping: Mapping | undefined, text: Buffer, at: number, end: number): void {
  if (!mapping) throw unreadable(text.toString('latin1', at, end));
  const is = (name: Buffer): boolean => end - at > name.length && name.compare(text, at, at + name.length) === 0;
  const bytes = (name: Buffer): number => {
    const figure = KILOBYTES.exec(text.toString('latin1', at + name.length, end));
    if (!figure) throw unreadable(text.toString('latin1', at, end));
    return Number(figure[1]) * 1024;
  };
  if (is(PAGE)) mapping.pageBytes = bytes(PAGE);
  else if (is(RSS)) mapping.rssBytes = bytes(RSS);
  else if (is(PRIVATE_DIRTY)) mapping.privateDirtyBytes = bytes(PRIVATE_DIRTY);
  else if (is(ANONYMOUS)) mapping.anonymousBytes = bytes(ANONYMOUS);
  else if (is(SWAP)) mapping.swapBytes = bytes(SWAP);
}

/**
 * A private mapping of a file that cannot be written and of which no page was: not what the linker has relocated and
 * then protected (its pages are anonymous, or in swap), not text that a debugger or a probe has put a breakpoint into.
 */
function canComeBack(mapping: Mapping): boolean {
  return isAsInFile(mapping) && mapping.privateDirtyBytes === 0;
}

/** Dirty pages of such a one were written to the file, not through the mapping, and are not on the disk yet. */
function isAsInFile({ start, end, permissions, inode, path, pageBytes, anonymousBytes, swapBytes }: Mapping): boolean {
  return (
    pageBytes === PAGE_BYTES &&
    inode > 0 &&
    path.startsWith('/') &&
    permissions[1] === '-' &&
    permissions[3] === 'p' &&
    anonymousBytes === 0 &&
    swapBytes === 0 &&
    start % PAGE_BYTES === 0 &&
    end % PAGE_BYTES === 0 &&
    end > start
  );
}

/** Whether a file that the program is linked with has only just been written, as after an update. */
export function isBeingWritten(mappings: readonly Mapping[], linked: ReadonlySet<string>): boolean {
  return mappings.some((mapping) => linked.has(mapping.path) && isAsInFile(mapping) && mapping.privateDirtyBytes > 0);
}

/**
 * The files that /proc/self/maps names with a part that is private and cannot be written. At the start of a process: the
 * program and what it is linked with.
 */
export function mappedFiles(maps: Buffer): Set<string> {
  const lines = maps.toString('latin1').split('\n');
  return new Set(
    lines.flatMap((line) => {
      const [, , , permissions = '', , path = ''] = HEAD.exec(line) ?? [];
      return /^.-.p$/.test(permissions) && path.startsWith('/') ? [path] : [];
    }),
  );
}

/**
 * What may be given back: of the files that the program is linked with, since these stay mapped for as long as it
 * runs. A library that was loaded later may be unloaded, and its addresses be somebody's memory then. Throws an Error
 * where the program's own text is not among it: then this is not a process as it is known here, and nothing is touched.
 */
export function givable(mappings: readonly Mapping[], executable: string, linked: ReadonlySet<string>): Mapping[] {
  const own = mappings.find(({ path }) => path === executable);
  if (own && own.pageBytes !== PAGE_BYTES) throw new Error(`this kernel has pages of ${own.pageBytes / 1024} KiB`);
  const found = mappings.filter((mapping) => linked.has(mapping.path) && canComeBack(mapping));
  if (!found.some(({ path, permissions }) => path === executable && permissions === 'r-xp')) {
    throw new Error(`the text of ${executable} is not mapped as it should be`);
  }
  return found;
}

/** Whether every one of these heads still stands in /proc/self/maps: the same range of the same file. */
export function stillMapped(heads: readonly Buffer[], maps: Buffer): boolean {
  return heads.every((head) => maps.includes(head));
}

/** The heads as bytes, which are found in those of maps without making a string of them. */
export function headsOf(mappings: readonly Mapping[]): Buffer[] {
  return mappings.map(({ head }) => Buffer.from(`${head} `, 'latin1'));
}

const TABLE_BYTES = 262_139 * 4;

/**
 * Where abseil's table of locks may be that Node 24 and later carry: memory without a name that holds it, with what the
 * kernel has joined to it, and as much of it resident. Whether it is there is for the native call to find out.
 */
export function mayHoldLockTable(mappings: readonly Mapping[]): Mapping[] {
  return mappings.filter(
    ({ start, end, permissions, inode, path, rssBytes }) =>
      inode === 0 &&
      (path === '' || path === '[anon:absl]') &&
      permissions === 'rw-p' &&
      end - start > TABLE_BYTES &&
      end - start < 2 * TABLE_BYTES &&
      rssBytes >= TABLE_BYTES - 64 * 1024,
  );
}

/** As the native calls take them: address, length, address, length … */
export function asPairs(ranges: readonly Range[]): BigUint64Array<ArrayBuffer> {
  return BigUint64Array.from(ranges.flatMap(({ start, end }) => [BigInt(start), BigInt(end - start)]));
}
