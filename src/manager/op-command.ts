/**
 * `manager op NODE …` and `manager nodes`: ask the Manager that serves on this machine, over its control socket, and
 * say what became of it. Exit codes: 0 done, 1 failed or refused, 2 wrong command line, 3 no such Manager or node.
 */
import { tmpdir } from 'node:os';
import { Argument, InvalidArgumentError, Option, type Command as Program } from 'commander';
import { parseDuration } from '../shared/config/formats.ts';
import type { DeletedEvent, NodesEvent, OperationOutcome } from '../shared/contracts/manager-events.ts';
import { describe } from '../shared/errors/daemon-error.ts';
import { ask, defaultControlPath, NoManagerError } from './control-socket.ts';
import { renderFailure, renderResult } from './op-text.ts';
import { OPERATIONS, type Operation, type OperationName, WAYS, type Way } from './operation.ts';
import { operationData } from './operation-data.ts';
import { type PushCommand, pushedUpdate } from './push-file.ts';
import { renderNode } from './render.ts';
import { MANAGER_PORT, parsePort } from './serve-command.ts';

export const EXIT = { ok: 0, failed: 1, usage: 2, missing: 3 } as const;

interface Where {
  port: number;
  control?: string;
  json?: boolean;
}

export interface OpOptions extends Where, Omit<PushCommand, 'file'> {
  via: Way;
  duration?: number;
  timeout?: number;
}

/** Milliseconds. */
function time(text: string): number {
  const parsed = parseDuration(text);
  if (!parsed.ok) throw new InvalidArgumentError(`${parsed.message}.`);
  return parsed.value;
}

/** What is asked for; `target`: an agent, or the file to push. Throws an Error that says what is missing. */
export function operationAsked(name: OperationName, target: string | undefined, options: OpOptions): Operation {
  switch (name) {
    case 'list':
      if (target !== undefined) throw new Error('list takes no agent');
      return { operation: name };
    case 'config':
      return { operation: name, agent: target ?? '' };
    case 'push-update':
      return { operation: name, update: pushedUpdate({ ...options, file: target }) };
    case 'metrics':
      if (target === undefined) throw new Error('metrics wants an agent');
      return { operation: name, agent: target, durationSeconds: Math.round((options.duration ?? 0) / 1000) };
    default:
      if (target === undefined) throw new Error(`${name} wants an agent`);
      return { operation: name, agent: target };
  }
}

/** Where it is said, a text at a time. */
export interface OpOutput {
  print(text: string): void;
  complain(text: string): void;
}

const PROCESS_OUTPUT: OpOutput = {
  print: (text) => process.stdout.write(`${text}\n`),
  complain: (text) => process.stderr.write(`manager: ${text}\n`),
};

/** Asks and gives the exit code of what `show` made of the answer; what went wrong on the way is said here. */
async function asked<T>(
  { port, control }: Where,
  order: unknown,
  { complain }: OpOutput,
  show: (answer: T) => number,
): Promise<number> {
  try {
    return show((await ask(control ?? defaultControlPath(tmpdir(), port), order)) as T);
  } catch (error) {
    complain(describe(error));
    return error instanceof NoManagerError ? EXIT.missing : EXIT.failed;
  }
}

function showOutcome(name: OperationName, json: boolean, outcome: OperationOutcome, output: OpOutput): number {
  if (json) output.print(JSON.stringify(outcome));
  else if (outcome.success) output.print(renderResult(name, outcome));
  else output.complain(renderFailure(outcome));
  if (outcome.success) return EXIT.ok;
  return outcome.noSuchNode ? EXIT.missing : EXIT.failed;
}

function deleteNode(node: string, options: Where, output: OpOutput): Promise<number> {
  return asked(options, { op: 'delete', node }, output, (event: DeletedEvent) => {
    if (options.json) output.print(JSON.stringify(event));
    else if (!event.existed) output.complain(`there is no node ${node}`);
    return event.existed ? EXIT.ok : EXIT.missing;
  });
}

function showNodes(options: Where, output: OpOutput): Promise<number> {
  return asked(options, { op: 'nodes' }, output, ({ nodes }: NodesEvent) => {
    output.print(options.json ? JSON.stringify(nodes) : nodes.map(renderNode).join('\n') || 'no nodes');
    return EXIT.ok;
  });
}

/** `end` is told the exit code. */
export function registerOp(program: Program, end: (code: number) => void, output = PROCESS_OUTPUT): void {
  const where = (name: string, description: string): Program =>
    program
      .command(name)
      .description(description)
      .option('--port <port>', "the Manager's, by which its control socket is found", parsePort, MANAGER_PORT)
      .option('--control <path>', 'its control socket, in place of --port')
      .option('--json', 'print JSON');
  const op = where('op', 'Has a daemon do something: over its stream where it has one, else on its own port.')
    .argument('<node>', 'its id, as `manager nodes` shows it')
    .addArgument(new Argument('<operation>', 'what to do').choices([...OPERATIONS, 'delete']))
    .argument('[target]', 'an agent (start, stop, restart, metrics, config), or the package to push')
    .addOption(new Option('--via <way>', 'which way').choices(WAYS).default('auto'))
    .option(
      '--timeout <time>',
      'how long an answer may take (default: 90s for start, stop and restart, else 30s)',
      time,
    )
    .option('--duration <time>', 'metrics: how far back (default: 1h)', time)
    .addOption(
      new Option('--component <which>', 'push-update: what (default: as the manifest says, or agent)').choices([
        'daemon',
        'agent',
      ]),
    )
    .option('--agent <id>', 'push-update: which agent, where there are several')
    .option('--url <url>', 'push-update: where the daemon is to fetch it')
    .option('--manifest <file>', 'push-update: signed manifest, with its signature in FILE.sig beside it')
    .option('--sig <file>', 'push-update: raw signature of the package')
    .option('--sha256 <hex>', 'push-update: of the package (default: that of the file)')
    .option('--version <version>', 'push-update: default: what the manifest says')
    .option('--retry', 'push-update: try a version again that was rolled back there')
    .addHelpText(
      'after',
      '\n`delete` makes the Manager forget the node.\n\nExample: manager op node-1 restart telegraf-metrics --via stream',
    );
  op.action(async (node: string, name: OperationName | 'delete', target: string | undefined, options: OpOptions) => {
    if (name === 'delete') return end(await deleteNode(node, options, output));
    let operation: Operation;
    try {
      operation = operationAsked(name, target, options);
    } catch (error) {
      return op.error(`error: ${describe(error)}`);
    }
    const { json = false, via, timeout } = options;
    const order = operationData({
      node,
      call: { operation, via, ...(timeout === undefined ? {} : { timeoutMs: timeout }) },
    });
    const show = (outcome: OperationOutcome): number => showOutcome(name, json, outcome, output);
    end(await asked(options, order, output, show));
  });
  where('nodes', 'Shows the nodes that the Manager knows.').action(async (options: Where) => {
    end(await showNodes(options, output));
  });
}
