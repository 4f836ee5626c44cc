/** Figures and times as the page writes them. Pure. */
const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'];

/** What is not known. */
export const NONE = '–';

/** Decimal units, three figures at most: `1.25 GB`. */
export function bytes(count: number | null | undefined): string {
  if (count === null || count === undefined) return NONE;
  let unit = 0;
  let value = count;
  // 999.5 would be rounded to 1000
  for (; value >= 999.5 && unit < BYTE_UNITS.length - 1; unit++) value /= 1000;
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${BYTE_UNITS[unit]}`;
}

export function perSecond(count: number | null | undefined): string {
  return count === null || count === undefined ? NONE : `${bytes(count)}/s`;
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? NONE : `${share.toFixed(1)} %`;
}

const TIME_UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['min', 60],
  ['s', 1],
] as const;

/** The two largest units: `3 d 4 h`, `12 s`. A time that has not come yet is none. */
export function duration(ms: number): string {
  let left = Math.max(0, Math.floor(ms / 1000));
  const parts: string[] = [];
  for (const [unit, seconds] of TIME_UNITS) {
    const count = Math.floor(left / seconds);
    left -= count * seconds;
    if (count > 0 || (unit === 's' && parts.length === 0)) parts.push(`${count} ${unit}`);
    else if (parts.length > 0) break;
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

const MAX_TEXT = 400;

/** What others wrote, shortened: a page is not to be filled by one of them. */
export function clipped(text: string): string {
  const letters = [...text.slice(0, 2 * MAX_TEXT)];
  return letters.length > MAX_TEXT || text.length > 2 * MAX_TEXT ? `${letters.slice(0, MAX_TEXT).join('')}…` : text;
}
