/** `daemonctl events`: what happened on this host, and what happens. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { ControlVerbs, RecordedEvent } from '../../shared/contracts/control.ts';
import { ask } from '../client.ts';
import { count } from '../count.ts';
import { Patience } from '../patience.ts';
import { type Reach, reaching, socketOf } from '../reach.ts';
import { deepHarmless } from '../text/harmless.ts';
import { type Colour, type Paint, paint, print, printJson } from '../text/terminal.ts';
import { padded } from '../text/width.ts';
import { time } from '../text/words.ts';

type Answer = ControlVerbs['events']['output'];

const MOST = 1000;
/** Shorter than the daemon's own limit. */
const WAIT_MS = 25_000;
const AGAIN_MS = 500;

interface EventsOptions extends Reach {
  follow?: true;
  count: string;
}

function colourOfKind(kind: string): Colour | '' {
  if (/failed|refused|unhealthy|raised|lost|rolled-back/.test(kind)) return 'red';
  return /exited|restarting|stopping|certificate/.test(kind) ? 'yellow' : '';
}

/** Time, kind, agent and message in columns that later lines keep. Pure. */
export function renderEvent({ atMs, kind, agentId, message }: RecordedEvent, paintWith: Paint): string {
  return `${time(atMs)}  ${paintWith(colourOfKind(kind), padded(kind, 18))}  ${padded(agentId || '-', 16)}  ${message}`;
}

async function events(options: EventsOptions): Promise<void> {
  const wanted = count(options.count, '--count', 1, MOST);
  const socket = await socketOf(options);
  const read = (after: number, limit: number, waitMs: number): Promise<Answer> =>
    ask(socket, 'events', { after, limit, waitMs });
  const show = (answer: Answer): void => {
    for (const event of answer.events) {
      if (options.json) printJson(event);
      else print(renderEvent(deepHarmless(event), paint));
    }
  };
  const { newest } = await read(0, 1, 0);
  const last = await read(Math.max(0, newest - wanted), wanted, 0);
  show(last);
  let shownUpTo = last.events.at(-1)?.number ?? newest;
  const patience = new Patience();
  while (options.follow) {
    const next = await patience.ask(() => read(shownUpTo, MOST, WAIT_MS));
    if (!next) {
      await sleep(AGAIN_MS);
      continue;
    }
    show(next);
    // numbers that begin anew: the daemon's record of events was lost
    shownUpTo = next.events.at(-1)?.number ?? Math.min(shownUpTo, next.newest);
  }
}

export function registerEvents(program: Command): void {
  reaching(program.command('events'))
    .description('show what happened on this host, oldest first')
    .option('-f, --follow', 'go on with what comes')
    .option('-n, --count <count>', `how many to begin with, 1 to ${MOST}`, '20')
    .addHelpText('after', '\nExample:\n  daemonctl events -f\n  daemonctl events -n 100 --json')
    .action(events);
}
