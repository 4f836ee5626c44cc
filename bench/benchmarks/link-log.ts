/** What the daemon's debug log says of its link: drains, heartbeats, returns. Pure. Times are Unix milliseconds. */
export interface LogLine {
  timeMs: number;
  event: string;
  fields: Record<string, unknown>;
}

export interface Drain {
  /** When the first batch was handed over. */
  fromMs: number;
  /** When the last entry of the backlog was answered. */
  toMs: number;
  /** Milliseconds of each heartbeat that was answered meanwhile. */
  heartbeatsMs: number[];
}

export interface Return {
  /** From the Manager's return to a registered connection, waits between attempts included. */
  connectedMs: number;
  /** The same from the attempt on that succeeded. */
  attemptMs: number;
  /** From the registration to the first heartbeat's answer. */
  heartbeatMs: number;
}

/** Lines that are no objects, such as one that is cut off, are left out. */
export function parseLog(text: string): LogLine[] {
  return text.split('\n').flatMap((line) => {
    if (!line.startsWith('{') || !line.endsWith('}')) return [];
    const fields: Record<string, unknown> = JSON.parse(line);
    return [{ timeMs: Date.parse(String(fields['time'])), event: String(fields['event']), fields }];
  });
}

/** Of heartbeats that were answered after `fromMs` and before `toMs`. */
export function heartbeatsMs(lines: readonly LogLine[], fromMs: number, toMs: number): number[] {
  return lines
    .filter(({ event, timeMs }) => event === 'heartbeat' && timeMs >= fromMs && timeMs < toMs)
    .map(({ fields }) => Number(fields['roundTripMs']));
}

/** Throws an Error where the log has not that many entries. */
export function drainOf(lines: readonly LogLine[], entries: number): Drain {
  let answered = 0;
  let fromMs: number | null = null;
  for (const { event, timeMs, fields } of lines) {
    if (event !== 'reported') continue;
    fromMs ??= timeMs - Number(fields['roundTripMs']);
    answered += Number(fields['entries']);
    if (answered >= entries) return { fromMs, toMs: timeMs, heartbeatsMs: heartbeatsMs(lines, fromMs, timeMs) };
  }
  throw new Error(`the daemon's log has ${answered} entries answered of ${entries}`);
}

/** The first connection after the Manager was back. Throws an Error where the log has none. */
export function returnOf(lines: readonly LogLine[], backAtMs: number): Return {
  const after = lines.filter(({ timeMs }) => timeMs >= backAtMs);
  const isState = ({ event, fields }: LogLine, state: string): boolean => {
    return event === 'link-state' && fields['state'] === state;
  };
  const at = after.findIndex((line) => isState(line, 'connected'));
  const connected = after[at];
  const attempt = lines.findLast((line) => isState(line, 'connecting') && line.timeMs <= (connected?.timeMs ?? 0));
  const heartbeat = after.find(({ event }, index) => index > at && event === 'heartbeat');
  if (!connected || !attempt || !heartbeat) throw new Error("the daemon's log has no connection after a return");
  return {
    connectedMs: connected.timeMs - backAtMs,
    attemptMs: connected.timeMs - attempt.timeMs,
    heartbeatMs: heartbeat.timeMs - connected.timeMs,
  };
}
