import { expect, test } from 'vitest';
import { parseReportData } from '../../../src/manager/report-data.ts';

const parse = (text: string) => parseReportData(Buffer.from(text));
const cpu = { name: 'cpu', timestamp: '2023-11-14T22:13:20.5Z', values: { usage_percent: 12.5 } };

test('a map of collectors', () => {
  const disk = { name: 'disk', timestamp: '2023-11-14T23:13:20+01:00', values: {} };
  expect(parse(JSON.stringify({ cpu, disk }))).toEqual([
    { type: 'cpu', timestamp: 1_700_000_000, values: { usage_percent: 12.5 } },
    { type: 'disk', timestamp: 1_700_000_000, values: {} },
  ]);
  expect(parse('{}')).toEqual([]);
});

test.each<[string, string]>([
  ['{"cpu":', 'data is not JSON'],
  ['', 'data is not JSON'],
  ['[]', 'data is not a map of collectors'],
  ['7', 'data is not a map of collectors'],
  ['{"cpu":null}', 'cpu is not an object'],
  [JSON.stringify({ cpu: { ...cpu, name: 'disk' } }), 'cpu.name is not cpu'],
  [JSON.stringify({ cpu: { ...cpu, values: [1] } }), 'cpu.values is not an object'],
  [JSON.stringify({ cpu: { ...cpu, values: { a: 'b' } } }), 'cpu.a is not a number'],
  [JSON.stringify({ cpu: { ...cpu, values: { a: null } } }), 'cpu.a is not a number'],
  [JSON.stringify({ cpu: { ...cpu, timestamp: 1_700_000_000 } }), 'cpu.timestamp is no time'],
  [JSON.stringify({ cpu: { ...cpu, timestamp: '2023-11-14 22:13:20' } }), 'cpu.timestamp is no time'],
  [JSON.stringify({ cpu: { ...cpu, timestamp: '2023-13-14T22:13:20Z' } }), 'cpu.timestamp is no time'],
])('%s is refused', (text, message) => {
  expect(() => parse(text)).toThrow(message);
});
