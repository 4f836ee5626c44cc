/**
 * Faults as they are ordered on the command line: `--delay Heartbeat=50ms`, `--fault slow:Heartbeat=50ms`. Pure: gives
 * the order, or throws an Error that says what is wrong with it.
 */
import { parseDuration } from '../shared/config/formats.ts';
import { type Command, MAX_DELAY_MS, parseMethod, REFUSAL } from './commands.ts';

/** `50ms` or `2s` → milliseconds. */
function parseDelay(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok || parsed.value > MAX_DELAY_MS)
    throw new Error(`not a delay: ${JSON.stringify(text)} (50ms, 2s; an hour at most)`);
  return parsed.value;
}

function parseCount(text: string, what: string): number {
  if (!/^[1-9]\d{0,14}$/.test(text)) throw new Error(`${what}: ${JSON.stringify(text)} is not a whole number above 0`);
  return Number(text);
}

export const FAULT_OPTIONS = ['refuse', 'stall', 'lose', 'delay'] as const;
export type FaultOption = (typeof FAULT_OPTIONS)[number];

/** The value of `--refuse`, `--stall`, `--lose` or `--delay`. */
export function parseFaultOption(option: FaultOption, value: string): Command {
  const at = value.indexOf('=');
  const method = parseMethod(at < 0 ? value : value.slice(0, at));
  const detail = at < 0 ? null : value.slice(at + 1);
  switch (option) {
    case 'refuse':
      return { kind: 'fault', method, fault: { kind: 'refuse', message: detail ?? REFUSAL } };
    case 'delay':
      return { kind: 'fault', method, fault: { kind: 'delay', ms: parseDelay(detail ?? '') } };
    default:
      if (detail !== null) throw new Error(`${option} takes a method only`);
      return { kind: 'fault', method, fault: { kind: option } };
  }
}

/** The value of `--fault`: `refuse:METHOD[=MESSAGE]`, `stall:METHOD`, `lose:METHOD`, `slow:METHOD=TIME`, … */
export function parseFaultSpelling(value: string): Command {
  const at = value.indexOf(':');
  const [kind, detail] = at < 0 ? [value, ''] : [value.slice(0, at), value.slice(at + 1)];
  const option = FAULT_OPTIONS.find((name) => name === (kind === 'slow' ? 'delay' : kind));
  if (option) return parseFaultOption(option, detail);
  if (kind === 'goaway') return { kind, everyCalls: parseCount(detail, 'goaway:CALLS') };
  if (kind === 'cut') return { kind, bytes: parseCount(detail, 'cut:BYTES') };
  throw new Error(`unknown fault ${JSON.stringify(kind)}: it is one of refuse, stall, lose, slow, goaway, cut`);
}
