/** docs/wire-protocol.md has every method and field of the two services, by its name and number, and true examples. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { LARGEST_BATCH } from '../../../../src/main/link/queue/batch-size.ts';
import { finite } from '../../../../src/main/link/queue/report-entry.ts';
import { metricsJson } from '../../../../src/main/link/report-json.ts';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}/${path}`, 'utf8');

const DOCUMENT = read('docs/wire-protocol.md');
/** Comments may hold what looks like a field. */
const PROTO = ['manager', 'daemon'].map((name) => read(`proto/${name}.proto`).replace(/\/\/.*$/gm, '')).join('\n');
/** What is told with another message: its fields stand in that one's row. */
const TOLD_WITH: Record<string, string> = { AgentInfo: 'ListAgentsResponse', ResourceAlert: 'AgentState' };
/** Fields of our own, which other Managers do not know. */
const FIRST_OF_OURS = 50;

interface Field {
  message: string;
  name: string;
  number: number;
}

const FIELDS: Field[] = [...PROTO.matchAll(/^message (\w+) \{([^}]*)\}/gm)].flatMap(([, message = '', body = '']) =>
  [...body.matchAll(/(\w+) = (\d+);/g)].map(([, name = '', number]) => ({ message, name, number: Number(number) })),
);

/** The table that has a message in its head, or its row with those below it; else the whole text. */
function placeOf(message: string): string {
  const begin = DOCUMENT.indexOf(`\n| \`${TOLD_WITH[message] ?? message}\``);
  return begin < 0 ? DOCUMENT : DOCUMENT.slice(begin, DOCUMENT.indexOf('\n\n', begin));
}

test.each(FIELDS)('$message.$name', ({ message, name, number }) => {
  const said = number < FIRST_OF_OURS ? `\`${name}\`` : `\`${name}\` (${number})`;
  expect(placeOf(message)).toContain(said);
});

test('every method', () => {
  const methods = [...PROTO.matchAll(/^ {2}rpc (\w+)\(/gm)].map(([, method = '']) => method);
  expect(methods.length).toBeGreaterThan(10);
  expect(methods.filter((method) => !DOCUMENT.includes(`\`${method}\``))).toEqual([]);
});

test('how many entries go at once', () => {
  expect(DOCUMENT).toContain(`1 to ${LARGEST_BATCH} of these`);
  expect(DOCUMENT).toContain(`${LARGEST_BATCH} entries, 512 KiB`);
});

describe('the example of MetricsRequest.data', () => {
  interface Named {
    name: string;
    timestamp: string;
    values: Record<string, number>;
  }
  const example: Record<string, Named> = JSON.parse(/```json\n([\s\S]*?)```/.exec(DOCUMENT)?.[1] ?? '');
  const metrics = Object.values(example).map(({ name, timestamp, values }) => ({
    type: name,
    timestamp: Date.parse(timestamp) / 1000,
    values: new Map(Object.entries(values)),
  }));

  test('is what the daemon makes of such entries', () => {
    expect(metrics.map(({ type }) => type)).toEqual(['cpu', 'memory', 'disk', 'network']);
    expect(metrics.map(finite)).toEqual(metrics);
    expect(JSON.parse(metricsJson(metrics).toString())).toEqual(example);
  });
});
