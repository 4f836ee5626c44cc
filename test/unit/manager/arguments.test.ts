import { expect, test } from 'vitest';
import { parseArguments } from '../../../src/manager/arguments.ts';

test('defaults', () => {
  expect(parseArguments(['--tls', '/certs'])).toEqual({
    kind: 'serve',
    arguments: { host: '127.0.0.1', port: 9090, tlsFolder: '/certs', json: false, faults: [] },
  });
});

test('everything', () => {
  const args = [
    '--tls',
    'd',
    '--host',
    '::1',
    '--port',
    '0',
    '--json',
    '--stall',
    'Heartbeat',
    '--refuse',
    'RegisterNode=no',
  ];
  expect(parseArguments(args)).toMatchObject({
    arguments: {
      host: '::1',
      port: 0,
      json: true,
      faults: [
        { method: 'RegisterNode', fault: { kind: 'refuse', message: 'no' } },
        { method: 'Heartbeat', fault: { kind: 'stall' } },
      ],
    },
  });
});

test.each([
  [['--help'], 'help'],
  [['--version'], 'version'],
])('%j needs nothing else', (args, kind) => {
  expect(parseArguments(args)).toEqual({ kind });
});

test.each([
  [[], '--tls DIR is missing'],
  [['--tls', 'd', '--port', '65536'], '--port 65536 is not a port'],
  [['--tls', 'd', '--port', 'x'], '--port x is not a port'],
  [['--tls', 'd', '--colour'], "Unknown option '--colour'"],
  [['--tls', 'd', 'more'], "Unexpected argument 'more'"],
  [['--tls', 'd', '--stall', 'Nothing'], 'unknown method "Nothing"'],
])('%j is refused', (args, message) => {
  expect(() => parseArguments(args)).toThrow(message);
});
