/** An event within its bounds: whatever an agent wrote before it ended, a call's worth of events stays small. Pure. */
import type { HostEvent } from '../../../shared/contracts/host-event.ts';
import type { Event } from '../../../shared/gen/daemon.ts';

const MESSAGE_CHARACTERS = 500;
const LINES = 20;
const LINE_CHARACTERS = 300;
const DETAILS = 20;
const DETAIL_NAME_CHARACTERS = 50;
const NAME_CHARACTERS = 100;

/** Never half of a character that takes two units. */
function cut(text: string, length: number): string {
  if (text.length <= length) return text;
  return text.slice(0, length).replace(/[\uD800-\uDBFF]$/, '');
}

/** The last lines are the ones that say why. Without its number, which is the log's to give. */
export function boundedEvent(event: HostEvent, timestamp: number): Event {
  const details = Object.entries(event.details).slice(0, DETAILS);
  return {
    number: 0,
    timestamp,
    kind: cut(event.kind, NAME_CHARACTERS),
    agentId: cut(event.agentId, NAME_CHARACTERS),
    message: cut(event.message, MESSAGE_CHARACTERS),
    details: new Map(details.map(([name, text]) => [cut(name, DETAIL_NAME_CHARACTERS), cut(text, LINE_CHARACTERS)])),
    lastLines: event.lastLines.slice(-LINES).map((line) => cut(line, LINE_CHARACTERS)),
  };
}
