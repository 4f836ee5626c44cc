import { Command } from 'commander';
import { expect, test } from 'vitest';
import type { ServeSettings } from '../../../src/manager/serve.ts';
import { registerServe } from '../../../src/manager/serve-command.ts';

/** What the command line asks for, or what it says is wrong. */
async function asked(...args: string[]): Promise<ServeSettings | string> {
  let said = '';
  let settings: ServeSettings | null = null;
  const program = new Command('manager')
    .enablePositionalOptions()
    .exitOverride()
    .configureOutput({ writeErr: () => {}, outputError: (text) => (said += text) });
  registerServe(program, async (given) => {
    settings = given;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch {
    return said; // commander has said what is wrong
  }
  return settings ?? said;
}

test('defaults', async () => {
  expect(await asked('--tls', '/certs')).toEqual({
    manager: { protocols: ['manager'], stream: true, existing: false, daemonPort: 9091, connections: false },
    host: '127.0.0.1',
    port: 9090,
    tlsFolder: '/certs',
    json: false,
    controlPath: null,
    faults: [],
  });
});

test.each<[string[], object]>([
  [
    ['serve', '--tls', 'd', '--host', '::1', '--port', '0', '--json'],
    { tlsFolder: 'd', host: '::1', port: 0, json: true },
  ],
  [['--tls', 'off', '--protocol', 'both'], { tlsFolder: null, manager: { protocols: ['manager', 'daemon'] } }],
  [['--tls', 'd', '--protocol', 'daemon', '--no-stream'], { manager: { protocols: ['daemon'], stream: false } }],
  [['--like', 'existing'], { tlsFolder: null, manager: { existing: true } }],
  [['--like', 'existing', '--tls', 'd'], { tlsFolder: 'd', manager: { existing: true } }],
  [
    ['--tls', 'd', '--connections', '--daemon-port', '1', '--control', '/c'],
    { controlPath: '/c', manager: { connections: true, daemonPort: 1 } },
  ],
  [
    ['--tls', 'd', '--stall', 'Heartbeat', '--refuse', 'Register=no', '--fault', 'cut:9', '--fault', 'goaway:2'],
    {
      faults: [
        { method: 'Register', fault: { kind: 'refuse', message: 'no' } },
        { method: 'Heartbeat', fault: { kind: 'stall' } },
        { kind: 'cut', bytes: 9 },
        { kind: 'goaway', everyCalls: 2 },
      ],
    },
  ],
])('%j', async (args, settings) => {
  expect(await asked(...args)).toMatchObject(settings);
});

test.each([
  [[], '--tls DIR is missing'],
  [['--tls', 'd', '--port', '65536'], 'It is not a port.'],
  [['--tls', 'd', '--port', 'x'], 'It is not a port.'],
  [['--tls', 'd', '--colour'], "unknown option '--colour'"],
  [['--tls', 'd', 'more'], 'too many arguments'],
  [['--tls', 'd', '--stall', 'Nothing'], 'unknown method "Nothing"'],
  [['--tls', 'd', '--fault', 'explode'], 'unknown fault "explode"'],
  [['--tls', 'd', '--protocol', 'smoke'], 'Allowed choices are manager, daemon, both'],
  [['--like', 'existing', '--protocol', 'both'], '--like existing has --protocol manager only'],
])('%j is refused', async (args, message) => {
  expect(await asked(...args)).toContain(message);
});
