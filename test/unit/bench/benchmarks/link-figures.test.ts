import { expect, test } from 'vitest';
import type { DrainRound } from '../../../../bench/benchmarks/link-drain.ts';
import { linkFigures, linkTable, linkVerdicts } from '../../../../bench/benchmarks/link-figures.ts';
import { linkNotes } from '../../../../bench/benchmarks/link-notes.ts';
import { FULL, QUICK } from '../../../../bench/settings.ts';
import { summarise } from '../../../../bench/statistics.ts';
import { renderTable } from '../../../../bench/table.ts';

const bytes = (up: number, down: number) => ({ up, down });
const kind = { calls: 3, ofCall: bytes(100, 50), ofDay: bytes(144_000, 72_000) };
const WIRE = {
  windowMs: 180_000,
  kinds: { heartbeat: kind, report: kind, states: kind },
  other: { inWindow: bytes(39, 39), ofDay: bytes(18_720, 18_720) },
  ofDay: bytes(5e6, 1e6),
};
const ROUND: DrainRound = {
  bytes: 8000,
  drainMs: 20,
  sinceReturnMs: 300,
  heartbeatsMs: { drain: [5], rest: [2, 2, 3] },
  rssBytes: { before: 60e6, peak: 64e6, after: 62e6 },
  peakIsOfDrain: true,
  returns: [],
};
const RETURN = { connectedMs: 250, attemptMs: 12, heartbeatMs: 4 };
const MEASURED = {
  roundTrips: { heartbeat: summarise([1, 2]), report: summarise([3]) },
  entries: 10,
  rounds: [ROUND, { ...ROUND, drainMs: 10, returns: [RETURN] }],
  wire: WIRE,
};
const QUIET = { ...ROUND, heartbeatsMs: { drain: [], rest: [2] }, returns: [RETURN], peakIsOfDrain: false };

test('figures of all rounds together, and what becomes of the target', () => {
  const figures = linkFigures(MEASURED);
  const verdicts = linkVerdicts(figures);
  expect(verdicts).toEqual([expect.objectContaining({ target: 'linkHeartbeat', measured: 2.5, holds: false })]);
  expect(figures.drain).toMatchObject({ rounds: 2, bytesOfEntry: 800 });
  expect(renderTable(linkTable(figures, verdicts))).toEqual([
    'figure                             n  median   p99   max  target',
    'heartbeat, ms                      2    1.00  2.00  2.00',
    'full report, ms                    1    3.00  3.00  3.00',
    'drain, entries a second            2     500  1000  1000',
    '  from the return to its end, ms   2     300   300   300',
    '  heartbeat meanwhile, ms          2    5.00  5.00  5.00',
    '  heartbeat at rest, ms            6    2.00  3.00  3.00',
    '  heartbeat, meanwhile to at rest     2.50 x              ≤ 2 x: does not hold',
    '  RSS before, MB                   2    60.0  60.0  60.0',
    '  RSS, peak meanwhile, MB          2    64.0  64.0  64.0',
    '  RSS after, MB                    2    62.0  62.0  62.0',
    'return to connected, ms            1     250   250   250',
    '  of which the attempt, ms         1    12.0  12.0  12.0',
    'connected to first heartbeat, ms   1    4.00  4.00  4.00',
    'up a day, MB                             5.0',
    'down a day, MB                           1.0',
  ]);
});

test('a drain without a heartbeat is held against nothing, and says so', () => {
  const figures = linkFigures({ ...MEASURED, rounds: [QUIET] });
  expect(linkVerdicts(figures)).toEqual([]);
  expect(renderTable(linkTable(figures, [])).join('\n')).not.toContain('heartbeat meanwhile, ms');
  expect(linkNotes(QUICK.link, figures).join('\n')).toMatch(/NO HEARTBEAT[\s\S]*SINCE THE START/);
});

test.each([
  { settings: FULL.link, other: bytes(39, 39), says: 'all intervals as shipped, a window of 180 s' },
  { settings: QUICK.link, other: bytes(39, 39), says: 'SHORTENED for --quick: heartbeats and reports each 1 s' },
  { settings: QUICK.link, other: bytes(0, 0), says: 'PINGS ARE NOT IN the sum' },
])('the notes say: $says', ({ settings, other, says }) => {
  const wire = { ...WIRE, other: { inWindow: other, ofDay: other } };
  const notes = linkNotes(settings, linkFigures({ ...MEASURED, wire })).join('\n');
  expect(notes).toContain(says);
  expect(notes.includes('PINGS')).toBe(other.up === 0);
});
