/** `manager serve`, which is what `manager` alone does too: its options, and from them the settings. Serves nothing. */
import { InvalidArgumentError, Option, type Command as Program } from 'commander';
import type { RegistrationProtocol } from '../shared/contracts/manager-events.ts';
import { describe } from '../shared/errors/daemon-error.ts';
import type { Command } from './commands.ts';
import { FAULT_OPTIONS, type FaultOption, parseFaultOption, parseFaultSpelling } from './fault-options.ts';
import { DAEMON_PORT } from './manager.ts';
import type { ServeSettings } from './serve.ts';

export const MANAGER_PORT = 9090;

export interface ServeOptions extends Partial<Record<FaultOption, Command[]>> {
  host: string;
  port: number;
  tls?: string;
  protocol?: RegistrationProtocol | 'both';
  stream: boolean;
  like?: 'existing';
  daemonPort: number;
  control?: string;
  connections?: boolean;
  json?: boolean;
  fault?: Command[];
}

/** Whatever the function objects to is the command line's fault. */
function parser<T>(parse: (text: string) => T): (text: string) => T {
  return (text) => {
    try {
      return parse(text);
    } catch (error) {
      throw new InvalidArgumentError(describe(error));
    }
  };
}

export const parsePort = parser((text) => {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new Error('It is not a port.');
  return Number(text);
});

function faultOption(flags: string, description: string, parse: (text: string) => Command): Option {
  const parsed = parser(parse);
  return new Option(flags, description).argParser((text, before: Command[] = []) => [...before, parsed(text)]);
}

/** Throws an Error with one clear line where the options do not go together. */
export function serveSettings(options: ServeOptions): ServeSettings {
  const existing = options.like === 'existing';
  const { tls, protocol = 'manager' } = options;
  if (existing && protocol !== 'manager') throw new Error('--like existing has --protocol manager only');
  if (!existing && tls === undefined) {
    throw new Error('--tls DIR is missing: the folder with ca.crt, server.crt and server.key; or off for plaintext');
  }
  return {
    manager: {
      protocols: protocol === 'both' ? ['manager', 'daemon'] : [protocol],
      stream: options.stream,
      existing,
      daemonPort: options.daemonPort,
      connections: options.connections ?? false,
    },
    host: options.host,
    port: options.port,
    tlsFolder: tls === undefined || tls === 'off' ? null : tls,
    json: options.json ?? false,
    controlPath: options.control ?? null,
    faults: [...FAULT_OPTIONS.flatMap((option) => options[option] ?? []), ...(options.fault ?? [])],
  };
}

const NOTES = `
METHOD is RegisterNode, Register, Heartbeat, ReportMetrics, SyncAgentStates or Connect.
--fault takes refuse:METHOD[=MESSAGE], stall:METHOD, lose:METHOD, slow:METHOD=TIME, goaway:CALLS (a planned goodbye
after every so many calls) and cut:BYTES (each connection is reset after so many bytes).

Faults and operations are also taken from standard input, one JSON object a line:
  {"fault":"refuse","method":"Heartbeat","message":"no","status":"UNAVAILABLE","times":1}
  {"fault":"stall","method":"Heartbeat"}  {"fault":"release"}  {"fault":"clear"}
  {"fault":"drop"}  (reset all connections)  {"fault":"goaway"}  (close them by plan)  {"fault":"cut","bytes":1000}
  {"fault":"hold-stream"}  (read no stream)  {"fault":"reload-tls"}  (as on SIGHUP)
  {"op":"restart","node":"node-1","agent":"a"}  {"op":"nodes"}  {"op":"delete","node":"node-1"}`;

export function registerServe(program: Program, serve: (settings: ServeSettings) => Promise<void>): void {
  const command = program
    .command('serve', { isDefault: true })
    .description('Takes what host daemons send, shows it, and has them do what `manager op` asks for.')
    .option('--tls <dir>', 'folder with ca.crt, server.crt and server.key (mutual TLS 1.3), or off for plaintext')
    .option('--host <host>', 'address to listen on', '127.0.0.1')
    .option('--port <port>', 'port to listen on; 0 for a free one', parsePort, MANAGER_PORT)
    .addOption(
      new Option('--protocol <which>', 'registration services that it has: manager.ManagerService, proto.DaemonService')
        .choices(['manager', 'daemon', 'both'])
        .default(undefined, 'manager'),
    )
    .option('--no-stream', 'without opslink.v1.Link')
    .addOption(
      new Option('--like <which>', 'behave as the Manager in service does, faults included').choices(['existing']),
    )
    .option('--daemon-port <port>', 'where daemons take operations', parsePort, DAEMON_PORT)
    .option(
      '--control <path>',
      'socket that takes operations (default: by port and user, in the folder for temporary files; none with --port 0)',
    )
    .option('--connections', 'show connections as they open and close')
    .option('--json', 'one JSON object a line')
    .addOption(faultOption('--fault <fault>', 'a fault from the start; may be repeated', parseFaultSpelling))
    .addHelpText('after', NOTES);
  const takes: Record<FaultOption, string> = {
    refuse: 'answer that method with a refusal',
    stall: "take that method's calls and never answer",
    lose: 'keep what such a call brings, but never answer',
    delay: 'answer late: 50ms, 2s',
  };
  for (const name of FAULT_OPTIONS) {
    const value = name === 'refuse' ? '<method[=message]>' : name === 'delay' ? '<method=time>' : '<method>';
    command.addOption(faultOption(`--${name} ${value}`, takes[name], (text) => parseFaultOption(name, text)));
  }
  command.action(async (options: ServeOptions) => {
    let settings: ServeSettings;
    try {
      settings = serveSettings(options);
    } catch (error) {
      return command.error(`error: ${describe(error)}`);
    }
    await serve(settings);
  });
}
