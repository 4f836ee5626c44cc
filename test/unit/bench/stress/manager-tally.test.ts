import { expect, test } from 'vitest';
import { ManagerTally } from '../../../../bench/stress/manager-tally.ts';

let receivedAtMs = 1_700_000_000_000;
const answered = (event: object): string =>
  JSON.stringify({ ...event, protocol: 'manager', receivedAtMs: receivedAtMs++, accepted: true, message: 'ok' });
const beat = (): string => answered({ event: 'heartbeat', nodeId: 'bench', timestamp: 1 });
const report = (user = 1): string =>
  answered({ event: 'report', nodeId: 'bench', metrics: [{ type: 'cpu', timestamp: 1, values: { user } }] });
const { signal } = new AbortController();

function tallyOf(...lines: string[]): ManagerTally {
  const tally = new ManagerTally();
  for (const line of lines) tally.take(line);
  return tally;
}

test('all that was answered came, and each report as the first', async () => {
  const tally = tallyOf('{"event":"listening","port":1}', beat(), report(), beat(), report());
  await expect(tally.require({ heartbeats: 2, reports: 2 }, signal, 0)).resolves.toBeUndefined();
});

test('lines that are still on their way are waited for', async () => {
  const tally = tallyOf(beat());
  const required = tally.require({ heartbeats: 1, reports: 1 }, signal);
  tally.take(report());
  await expect(required).resolves.toBeUndefined();
});

test.each([
  { lines: [beat()], says: '2 heartbeats and 0 reports were answered, and the Manager had 1 and 0' },
  { lines: [beat(), beat().replace('"accepted":true', '"accepted":false')], says: 'the Manager had 1 and 0' },
  { lines: [beat(), beat(), beat()], says: 'the Manager had 3 and 0' },
  {
    lines: [beat(), beat(), report(), report(9)],
    says: /came other than the first: .*"user":9.* in place of .*"user":1/,
  },
])('$says', async ({ lines, says }) => {
  await expect(tallyOf(...lines).require({ heartbeats: 2, reports: 0 }, signal, 0)).rejects.toThrow(says);
});
