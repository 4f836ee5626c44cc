/**
 * The demo as a program: arguments, terminal, signals, exit code. 0 when it ended as asked, 1 when a part failed, did
 * not end, or (with --for) never registered, 2 on a wrong command line.
 */
import { dirname } from 'node:path';
import { describe } from '../shared/errors/daemon-error.ts';
import { type DemoOptions, HELP, parseArguments } from './arguments.ts';
import { Demo, PartEnded } from './demo.ts';
import { changes, statusLine } from './progress.ts';
import { Screen } from './screen.ts';
import { summarise } from './state.ts';
import { renderView } from './view.ts';

const DRAW_MS = 1000;
const STATUS_MS = 5000;
const WIDEST = 100;

/** Shows a demo while it runs. */
interface Display {
  start(demo: Demo): void;
  change(...states: Parameters<typeof changes>): void;
  /** A line of the demo's own. */
  say(text: string): void;
  end(): void;
}

function liveDisplay(terminal: NodeJS.WriteStream, colour: boolean): Display {
  const screen = new Screen(terminal);
  const startedMs = performance.now();
  let timer: NodeJS.Timeout | undefined;
  let draw = (): void => {};
  const resized = (): void => {
    screen.clear();
    draw();
  };
  return {
    start(demo) {
      draw = () => {
        const width = Math.min(terminal.columns || 80, WIDEST);
        const times = { nowMs: Date.now(), elapsedMs: performance.now() - startedMs };
        screen.draw(renderView(demo.state, { width, colour, ...times }));
      };
      draw();
      timer = setInterval(draw, DRAW_MS);
      terminal.on('resize', resized);
    },
    change() {}, // the next picture shows it
    say: (text) => terminal.write(`${text}\n`),
    end() {
      clearInterval(timer);
      terminal.off('resize', resized);
      draw();
      screen.end();
    },
  };
}

function plainDisplay(output: NodeJS.WriteStream): Display {
  const say = (text: string): void => {
    output.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
  };
  let timer: NodeJS.Timeout | undefined;
  return {
    start(demo) {
      timer = setInterval(() => say(statusLine(demo.state)), STATUS_MS);
    },
    change: (before, after) => changes(before, after).forEach(say),
    say,
    end: () => clearInterval(timer),
  };
}

function chooseDisplay({ json }: DemoOptions): Display {
  if (json) return plainDisplay(process.stderr);
  const { TERM, NO_COLOR } = process.env;
  if (!process.stdout.isTTY || TERM === 'dumb') return plainDisplay(process.stdout);
  return liveDisplay(process.stdout, !NO_COLOR);
}

/** Aborts when somebody wants the demo to end; a fault of the demo itself is the reason where there was one. */
function endRequest(forMs: number | null): { signal: AbortSignal; fault: () => unknown } {
  const controller = new AbortController();
  let fault: unknown = null;
  const ask = (): void => controller.abort(new Error('asked to end'));
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(name, ask);
  for (const name of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(name, (error: unknown) => {
      fault ??= error;
      ask();
    });
  }
  if (forMs !== null) setTimeout(ask, forMs).unref();
  return { signal: controller.signal, fault: () => fault };
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

async function run(options: DemoOptions): Promise<number> {
  // whoever read the output has gone: what was started must be ended all the same
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
  const { signal, fault } = endRequest(options.forMs);
  const display = chooseDisplay(options);
  const demo = new Demo({
    bundles: dirname(process.argv[1] ?? '.'),
    fast: options.fast,
    path: process.env['PATH'] ?? '',
    onChange: display.change,
  });
  const problems: string[] = [];
  display.start(demo);
  try {
    const { unexpectedEnd } = await demo.start(signal);
    await Promise.race([aborted(signal), unexpectedEnd]);
  } catch (error) {
    if (error instanceof PartEnded)
      problems.push(
        `${error.message}${error.lines.length > 0 ? '; what it said last:' : ''}`,
        ...error.lines.map((line) => `  ${line}`),
      );
    else if (!signal.aborted) problems.push(`it could not be started: ${describe(error)}`);
  }
  demo.readUsage();
  const summary = summarise(demo.state);
  display.end();
  display.say('Ending the daemon, its agents and the Manager.');
  try {
    await demo.stop();
  } catch (error) {
    const errors = error instanceof AggregateError ? error.errors : [error];
    problems.push(...errors.map(describe));
  }
  if (fault() !== null) problems.push(`internal fault: ${describe(fault())}`);
  if (options.forMs !== null && !summary.registered) problems.push('the daemon never registered');
  for (const problem of problems) process.stderr.write(`demo: ${problem}\n`);
  if (problems.length === 0) display.say('Everything has ended, nothing is left behind.');
  if (options.json) process.stdout.write(`${JSON.stringify(summary)}\n`);
  return problems.length === 0 ? 0 : 1;
}

async function main(args: readonly string[]): Promise<number> {
  let options: DemoOptions | 'help';
  try {
    options = parseArguments(args);
  } catch (error) {
    process.stderr.write(`demo: ${describe(error)}\n`);
    return 2;
  }
  if (options !== 'help') return run(options);
  process.stdout.write(HELP);
  return 0;
}

void main(process.argv.slice(2)).then((code) => {
  process.exitCode = code;
});
