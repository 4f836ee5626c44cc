/** Texts in the form of /proc/self/smaps, for the tests of what is read from it. */
interface Entry {
  range: string;
  permissions?: string;
  inode?: number;
  path?: string;
  pageKb?: number;
  rssKb?: number;
  dirtyKb?: number;
  anonymousKb?: number;
  swapKb?: number;
}

export const NODE = '/opt/node';

/** One mapping as the kernel writes it, by default the text of the program, untouched. */
export function smapsOf(...entries: Entry[]): string {
  return entries.map(entryText).join('');
}

/** The same mappings as /proc/self/maps has them. */
export function mapsOf(...entries: Entry[]): string {
  return entries.map(headLine).join('');
}

function headLine({ range, permissions = 'r-xp', inode = 7, path = NODE }: Entry): string {
  const head = `${range} ${permissions} 00001000 fe:00 ${inode} `;
  return `${path ? `${head.padEnd(73)}${path}` : head}\n`;
}

function entryText(entry: Entry): string {
  const { pageKb = 4, rssKb = 8, dirtyKb = 0, anonymousKb = 0, swapKb = 0 } = entry;
  const figure = (name: string, kb: number): string => `${`${name}:`.padEnd(16)}${String(kb).padStart(8)} kB\n`;
  return [
    headLine(entry),
    ...[figure('Size', 8), figure('KernelPageSize', pageKb), figure('MMUPageSize', pageKb)],
    ...[figure('Rss', rssKb), figure('Pss', rssKb), figure('Pss_Dirty', 4)],
    ...[figure('Shared_Dirty', 4), figure('Private_Clean', 4), figure('Private_Dirty', dirtyKb)],
    ...[figure('Referenced', 8), figure('Anonymous', anonymousKb), figure('AnonHugePages', 4)],
    ...[figure('Swap', swapKb), figure('SwapPss', 4)],
    ...['THPeligible:           0\n', 'VmFlags: rd ex mr mw me \n'],
  ].join('');
}
