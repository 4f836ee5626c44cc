/** How far the Manager is with things that are numbered and sent in order. Pure. */
export interface Progress {
  /** The highest number that was sent on this stream. */
  sent: number;
  /** Up to and with which it has them; what is above was sent and waits. */
  taken: number;
}

export const NOTHING_SENT: Progress = { sent: 0, taken: 0 };

/** `number`: what the Manager says that it has, 0 for nothing. Null where that cannot be. */
export function afterTaken(progress: Progress, number: number): Progress | null {
  if (number === 0) return progress;
  const { sent, taken } = progress;
  return number > sent || number < taken ? null : { sent, taken: number };
}
