/** Sizes, shares and times as people read them. Pure. */
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'] as const;

/** `3 MiB`, `13.9 MiB`: one decimal at most. */
export function size(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log2(Math.max(1, bytes)) / 10));
  return `${Math.round((bytes / 1024 ** power) * 10) / 10} ${UNITS[power]}`;
}

export function percent(value: number): string {
  return `${value.toFixed(1)} %`;
}

/** A span in its largest unit, in words: `119 s`, `10 min`, `5 days`. */
export function span(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}

/** The same for a column: `119s`, `10m`, `5d`. */
export function age(ms: number): string {
  return span(ms).replace(/ (min|days|.)$/, (_, unit: string) => unit.charAt(0));
}

/** `2026-05-04T03:02:01Z`. */
export function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** `1 agent`, `3 agents`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
