import { expect, test } from 'vitest';
import { originsIn } from '../../../../src/shared/config/origins.ts';
import { type Loaded, parseConfig } from '../../../../src/shared/config/parse.ts';
import type { Config } from '../../../../src/shared/config/schema.ts';

const TEXT = `manager:
  address: m:9090
  tls: off
server: { tls: off }
daemon:
  labels: { dc: one }
agent_defaults:
  restart: { max_retries: 7 }
agents:
  - id: web
    type: custom
    binary_path: /bin/web
    env: { API_TOKEN: s3cret }
  - id: db
    type: custom
    binary_path: /bin/db
    restart:
      max_retries: 2
collectors:
  queue: { module: /m.mjs, options: { auth: { user: joe, deep: [1, { x: 2 }] } } }
`;
const load = (text: string): Loaded => parseConfig(text, 'd.yaml');
function inForce(text: string): Config {
  const { config, diagnostics } = load(text);
  if (!config) throw new Error(JSON.stringify(diagnostics));
  return config;
}
const from = (text: string, config: Config): Record<string, string> =>
  Object.fromEntries(originsIn(load(text), config).map((origin) => [origin.path, origin.from]));

test('each value has its line, or is a default', () => {
  expect(from(TEXT, inForce(TEXT))).toMatchObject({
    'manager.address': 'd.yaml:2',
    'manager.tls': 'd.yaml:3',
    'manager.timeout': 'default',
    'daemon.labels.dc': 'd.yaml:6',
    'daemon.log_level': 'default',
    'agents[0].id': 'd.yaml:10',
    'agents[0].work_dir': 'default',
    'agents[0].env.API_TOKEN': 'd.yaml:13',
    'agents[0].restart.max_retries': 'd.yaml:8',
    'agents[0].restart.policy': 'default',
    'agents[1].restart.max_retries': 'd.yaml:18',
    'collectors.queue.options.auth.user': 'd.yaml:20',
    'collectors.cpu.enabled': 'default',
  });
});

test('no value is in it', () => {
  expect(JSON.stringify(originsIn(load(TEXT), inForce(TEXT)))).not.toMatch(/s3cret|joe/);
});

test('the form with one agent has its own keys', () => {
  const text = 'manager: { address: m:9090 }\nagent:\n  type: custom\n  binary_path: /bin/a\n';
  expect(from(text, inForce(text))).toMatchObject({ 'agents[0].type': 'd.yaml:3', 'agents[0].id': 'default' });
});

test('where the file says something else by now, only its name is told', () => {
  const changed = TEXT.replace('max_retries: 2', 'max_retries: 3').replace('m:9090', 'n:9090');
  const origins = from(changed, inForce(TEXT));
  expect(origins).toMatchObject({
    'manager.address': 'd.yaml',
    'agents[1].restart.max_retries': 'd.yaml',
    'agents[1].id': 'd.yaml:14',
  });
});

test.each(['', 'no: [yaml', 'unknown: 1'])('a file that cannot be used (%j) tells no line', (text) => {
  const origins = originsIn(load(text), inForce(TEXT));
  expect(origins.length).toBeGreaterThan(50);
  expect(new Set(origins.map((origin) => origin.from))).toEqual(new Set(['d.yaml']));
});
