/** The Node that a release carries is the one that the figures of the documents are of, and that the gate decides by. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { satisfies } from 'semver';
import { expect, test } from 'vitest';
import { judgeGate } from '../../../bench/gate.ts';
import type { RanReport } from '../../../bench/report.ts';
import { judge } from '../../../bench/targets.ts';

const read = (path: string): string =>
  readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

const KERNEL = '6.18.44-x';
const released = /NODE_VERSION = '(\d+\.\d+\.\d+)'/.exec(read('scripts/release/node-binary.mjs'))?.[1] ?? '';

function idle(node: string, rssMedian: number): RanReport {
  const others = (['rssP95', 'rssPeak', 'anonymousMedian', 'cpu'] as const).map((figure) => ({ figure, value: 0.1 }));
  const gate = [{ figure: 'rssMedian', value: rssMedian } as const, ...others];
  const verdicts = [judge('idleMemory', 'RSS', 20), judge('idleCpu', 'CPU', 0.1)];
  const table = { columns: [], rows: [] };
  return { name: 'idle', title: '', table, notes: [], verdicts, gate, figures: {}, node, elapsedMs: 0 };
}

test('the document of the figures names it, with the version beside it', () => {
  const named = /\*\*Measured with\*\* Node (\d+\.\d+\.\d+) and (\d+\.\d+\.\d+)/.exec(read('docs/footprint.md'));
  expect(named?.[1]).toMatch(/^24\./);
  expect(named?.[2]).toBe(released);
});

test('package.json allows it', () => {
  const { engines } = JSON.parse(read('package.json'));
  expect(satisfies(released, engines.node)).toBe(true);
});

test('the gate judges it by the limits of its own, and its exit code depends on it', () => {
  const { passes, findings } = judgeGate([idle(released, 18)], KERNEL);
  expect(findings[0]).toMatchObject({ node: released, limit: 18, holds: false, decides: true });
  expect(passes).toBe(false);
  expect(judgeGate([idle(released, 17.9)], KERNEL).passes).toBe(true);
});
