/** Where daemonctl writes to, and what may be written there: colours only where a person looks at them. */
import { styleText } from 'node:util';
import { jsonLine } from './harmless.ts';

export type Colour = 'green' | 'yellow' | 'red' | 'dim' | 'bold';
export type Paint = (colour: Colour | '', text: string) => string;

export const plain: Paint = (_, text) => text;
export const coloured: Paint = (colour, text) =>
  colour === '' || text === '' ? text : styleText(colour, text, { validateStream: false });

/** https://no-color.org */
export function paintFor(stream: { isTTY?: boolean }, env: NodeJS.ProcessEnv): Paint {
  const wanted = stream.isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  return wanted ? coloured : plain;
}

export const paint: Paint = (colour, text) => paintFor(process.stdout, process.env)(colour, text);

export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function printJson(value: unknown): void {
  print(jsonLine(value));
}

/** To standard error, for what is not the answer itself. */
export function remark(text: string): void {
  process.stderr.write(`daemonctl: ${text}\n`);
}

/** By the words of agents' states, checks, and of the link. */
export function colourOf(state: string): Colour | '' {
  if (/^(running|connected|ok|done)$/.test(state)) return 'green';
  if (/^(failed|failing|expired|closed)$/.test(state)) return 'red';
  if (/^(stopped|off|disabled)$/.test(state)) return 'dim';
  return /^(starting|stopping|restarting|backing-off|connecting|registering|warning|unknown)$/.test(state)
    ? 'yellow'
    : '';
}
