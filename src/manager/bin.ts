/**
 * The reference Manager as a program: arguments, standard input and output, signals, exit code. Ends with 0 on
 * SIGTERM or SIGINT, 2 on a wrong command line, 1 where it cannot serve. The end of standard input means nothing.
 */
import { createInterface } from 'node:readline';
import type { FaultEvent, ManagerEvent } from '../shared/contracts/manager-events.ts';
import { describe } from '../shared/errors/daemon-error.ts';
import { VERSION } from '../shared/version.ts';
import { type Arguments, HELP, parseArguments, type Request } from './arguments.ts';
import { type Command, parseCommand } from './commands.ts';
import { ReferenceManager } from './manager.ts';
import { renderEvent } from './render.ts';

function execute(manager: ReferenceManager, command: Command): void {
  switch (command.kind) {
    case 'fault':
      manager.faults.set(command.method, command.fault, command.times);
      break;
    case 'release':
      manager.faults.release(command.method);
      break;
    case 'clear':
      manager.faults.clear(command.method);
      break;
    case 'drop':
      manager.dropConnections();
      break;
    case 'goaway':
      manager.sendGoaway();
      break;
  }
}

function faultEvent(command: Command): FaultEvent {
  const fault = command.kind === 'fault' ? command.fault.kind : command.kind;
  return { event: 'fault', fault, ...('method' in command && command.method ? { method: command.method } : {}) };
}

async function serve({ host, port, tlsFolder, json, faults }: Arguments): Promise<void> {
  const show = (event: ManagerEvent): void => {
    process.stdout.write(`${json ? JSON.stringify(event) : renderEvent(event)}\n`);
  };
  const manager = new ReferenceManager({ onEvent: show });
  const stopped = new Promise<void>((resolve) => {
    // before it listens: a signal that comes early must find its handler
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  // whoever read the lines has gone; serving goes on
  process.stdout.on('error', () => {});
  for (const command of faults) execute(manager, command);
  show({ event: 'listening', port: await manager.start({ host, port, tlsFolder }) });
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    if (line.trim() === '') return;
    try {
      const command = parseCommand(line);
      execute(manager, command);
      show(faultEvent(command));
    } catch (error) {
      show({ event: 'fault', fault: '', error: describe(error) });
    }
  });
  process.stdin.on('error', () => {}); // as its end: no more orders come
  await stopped;
  lines.close();
  process.stdin.destroy();
  await manager.stop();
}

async function main(args: readonly string[]): Promise<number> {
  let request: Request;
  try {
    request = parseArguments(args);
  } catch (error) {
    process.stderr.write(`manager: ${describe(error)}\n`);
    return 2;
  }
  if (request.kind === 'help') process.stdout.write(HELP);
  else if (request.kind === 'version') process.stdout.write(`manager ${VERSION}\n`);
  else {
    try {
      await serve(request.arguments);
    } catch (error) {
      process.stderr.write(`manager: ${describe(error)}\n`);
      return 1;
    }
  }
  return 0;
}

void main(process.argv.slice(2)).then((code) => {
  // whatever handle is left must not keep an ended Manager alive
  process.exit(code);
});
