/** Numbers of the command line. */
import { UsageError } from './exit.ts';

/** Throws a UsageError for what is not a whole number from `least` to `most`. */
export function count(text: string, option: string, least: number, most: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new UsageError(`${option} wants a number from ${least} to ${most}, given ${text}`);
}
