/** The reference Manager's command line. Pure: gives what was asked for, or throws an Error with one clear line. */
import { parseArgs } from 'node:util';
import { type Command, type FaultOption, parseFaultOption } from './commands.ts';

export const HELP = `usage: manager --tls DIR [options]

The reference Manager: takes what host daemons send over mutual TLS 1.3 and shows it.

  --tls DIR             folder with ca.crt, server.crt and server.key
  --host HOST           address to listen on (127.0.0.1)
  --port PORT           port to listen on; 0 for a free one (9090)
  --json                one JSON object a line
  --refuse METHOD[=MESSAGE]
                        answer that method with a refusal
  --stall METHOD        take that method's calls and never answer
  --lose METHOD         keep what such a call brings, but never answer
  --delay METHOD=TIME   answer late: 50ms, 2s
  --version, --help

METHOD is RegisterNode, Heartbeat, ReportMetrics or SyncAgentStates. Faults are also taken
from standard input, one JSON object a line:
  {"fault":"refuse","method":"Heartbeat","message":"no","status":"UNAVAILABLE","times":1}
  {"fault":"stall","method":"Heartbeat"}  {"fault":"release"}  {"fault":"clear"}
  {"fault":"drop"}  (reset all connections)  {"fault":"goaway"}  (close them by plan)
`;

export interface Arguments {
  host: string;
  port: number;
  tlsFolder: string;
  json: boolean;
  faults: Command[];
}

export type Request = { kind: 'serve'; arguments: Arguments } | { kind: 'help' } | { kind: 'version' };

const FAULT_OPTIONS = ['refuse', 'stall', 'lose', 'delay'] as const satisfies readonly FaultOption[];

function parsePort(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65535) throw new Error(`--port ${text} is not a port`);
  return Number(text);
}

export function parseArguments(args: readonly string[]): Request {
  const { values } = parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      host: { type: 'string', default: '127.0.0.1' },
      port: { type: 'string', default: '9090' },
      tls: { type: 'string' },
      json: { type: 'boolean', default: false },
      refuse: { type: 'string', multiple: true, default: [] },
      stall: { type: 'string', multiple: true, default: [] },
      lose: { type: 'string', multiple: true, default: [] },
      delay: { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', default: false },
      version: { type: 'boolean', default: false },
    },
  });
  if (values.help) return { kind: 'help' };
  if (values.version) return { kind: 'version' };
  if (!values.tls) throw new Error('--tls DIR is missing: the folder with ca.crt, server.crt and server.key');
  return {
    kind: 'serve',
    arguments: {
      host: values.host,
      port: parsePort(values.port),
      tlsFolder: values.tls,
      json: values.json,
      faults: FAULT_OPTIONS.flatMap((option) => values[option].map((value) => parseFaultOption(option, value))),
    },
  };
}
