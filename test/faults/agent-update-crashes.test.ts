/**
 * The daemon is killed in the middle of an agent's update: after each step that the code knows of, and at random
 * moments. Whichever it was, the next daemon ends with exactly the old or exactly the new version, running once.
 */
import { rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, type TestContext, test } from 'vitest';
import { createCertificates } from '../../src/demo/certificates.ts';
import { AGENT_STEPS, type AgentStep } from '../../src/main/update/steps.ts';
import { AgentUpdateHost, releaseKey } from '../support/agent-updates.ts';
import { temporaryFolder } from '../support/temp-folder.ts';
import { waitFor } from '../support/wait-until.ts';

const OLD = '1.0.0';
const NEW = '1.1.0';
const NEXT = '1.2.0';
const LONG = 120_000;

let shared: Awaited<ReturnType<typeof temporaryFolder>>;
let key: string;

beforeAll(async () => {
  shared = await temporaryFolder('agent-update-crashes');
  key = releaseKey(shared.path);
  await createCertificates(shared.path);
});
afterAll(() => shared.remove());

async function makeHost({ onTestFinished }: TestContext): Promise<AgentUpdateHost> {
  const host = await AgentUpdateHost.make(key);
  onTestFinished(() => host.remove());
  await host.configure([host.agent('one')], {}, 1, shared.path);
  return host;
}

type Package = 'good' | 'exits late' | 'lies';

function release(host: AgentUpdateHost, what: Package): string {
  return what === 'lies'
    ? host.release('one', NEW, 'good', 'test-agent version 9.9.9')
    : host.release('one', NEW, what);
}

/** The daemon at that step, killed, and started anew. Gives the agent's process from before. */
async function killedAfter(host: AgentUpdateHost, step: AgentStep, file: string): Promise<number> {
  const daemon = await host.start(`agent:${step}`);
  const pid = await host.running('one', OLD);
  host.request('one', file).catch(() => {}); // the daemon may be killed before it answers
  await waitFor(() => host.step('one') === step, { what: `the step ${step}`, timeoutMs: 45_000, everyMs: 20 });
  await daemon.kill('SIGKILL');
  return pid;
}

/** What leads to a step: those of going back need a version that is no good. */
function needed(step: AgentStep): Package {
  if (step === 'abandoned') return 'lies';
  return AGENT_STEPS[step].phase === 'rolling-back' ? 'exits late' : 'good';
}

/** How it must end: what is in place is the new version where the step is one that is gone on with. */
function expectedEnd(step: AgentStep, what: Package): typeof OLD | typeof NEW {
  const { resume } = AGENT_STEPS[step];
  return what === 'good' && (resume === 'go-on' || resume === 'finish') ? NEW : OLD;
}

const STEPS = Object.keys(AGENT_STEPS) as AgentStep[];
const CASES: [AgentStep, Package][] = [
  ...STEPS.map((step): [AgentStep, Package] => [step, needed(step)]),
  ...STEPS.filter((step) => AGENT_STEPS[step].resume === 'go-on').map((step): [AgentStep, Package] => [
    step,
    'exits late',
  ]),
];
/** Steps at which the old program may have been replaced. */
const SWITCHED = new Set<AgentStep>(['switching', 'starting', 'proving', 'restoring', 'restarting-old', 'rolled-back']);

describe.concurrent('killed after a step', () => {
  test.for(CASES)('%s, of a version that is %s', { timeout: LONG }, async ([step, what], context) => {
    const { expect } = context;
    const host = await makeHost(context);
    const before = await killedAfter(host, step, release(host, what));
    await host.start();

    const end = expectedEnd(step, what);
    const { results } = await waitFor(
      async () => {
        const status = await host.status();
        return status.results.length > 0 && status.underWay.length === 0 ? status : null;
      },
      { what: 'the outcome', timeoutMs: 45_000, everyMs: 50 },
    );
    const success = end === NEW;
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ success, oldVersion: OLD, newVersion: NEW });
    if (!success) {
      expect(results[0]?.code).toBe(what === 'lies' ? 'D4002' : 'D4003');
      expect(results[0]?.rolledBack).toBe(SWITCHED.has(step));
      if (what === 'good') expect(results[0]?.error).toBe(`the daemon ended while the update was at ${step}`);
    }
    expect(host.inPlace('one')).toBe(end);
    const pid = await host.running('one', end);
    if (AGENT_STEPS[step].resume === 'abandon' || step === 'abandoned') expect(pid).toBe(before);
    await host.clean('one');

    const next = await host.update('one', host.release('one', NEXT));
    expect(next).toMatchObject({ success: true, oldVersion: end, newVersion: NEXT });
    await host.running('one', NEXT);
    await host.clean('one');
    expect((await host.status()).results).toHaveLength(2);
  });
});

test('a step that is not in the table of what has been switched is noticed', ({ expect }) => {
  const undone = STEPS.filter((step) => AGENT_STEPS[step].resume !== 'abandon');
  expect(undone.filter((step) => !SWITCHED.has(step))).toEqual(['stopping', 'committed', 'abandoned']);
});

/** Numbers of 0 to 1, the same ones for a seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

describe.concurrent('killed at any moment', () => {
  test.for([[1], [2]])('five times, seed %i', { timeout: LONG }, async ([seed = 0], context) => {
    const { expect } = context;
    const host = await makeHost(context);
    const random = seeded(seed);
    let present = OLD;
    for (let round = 1; round <= 5; round++) {
      const version = `1.${round}.0`;
      const daemon = await host.start();
      await host.running('one', present);
      host.request('one', host.release('one', version, random() < 0.3 ? 'exits late' : 'good')).catch(() => {});
      await sleep(random() * 2000);
      await daemon.kill('SIGKILL');
      const resumed = await host.start();
      const over = async (): Promise<boolean> => {
        const { underWay } = await host.status();
        return underWay.length === 0 && host.step('one') === '';
      };
      await waitFor(over, { what: 'the end of the update', timeoutMs: 45_000, everyMs: 50 });
      const results = (await host.status()).results.filter(({ newVersion }) => newVersion === version);
      expect(results.length).toBeLessThanOrEqual(1);
      if (results[0]?.success) present = version;
      expect(host.inPlace('one')).toBe(present);
      await host.running('one', present);
      await resumed.kill('SIGKILL');
    }
    await host.start();
    expect(await host.update('one', host.release('one', '2.0.0'))).toMatchObject({ success: true });
    await host.running('one', '2.0.0');
    await host.clean('one');
  });
});

describe.concurrent('going back is impossible', () => {
  test('what was kept is gone: D4004, and the state says so', { timeout: LONG }, async (context) => {
    const { expect } = context;
    const host = await makeHost(context);
    await killedAfter(host, 'restoring', release(host, 'exits late'));
    const { former, backup } = host.journal('one');
    for (const path of [former, backup]) rmSync(String(path));
    await host.start();
    const result = await waitFor(async () => (await host.status()).results[0], { what: 'the outcome' });
    expect(result).toMatchObject({ success: false, code: 'D4004', rolledBack: false });
    expect(result.error).toMatch(/did not stay.*; going back failed too: .*ENOENT/);
    expect(host.inPlace('one')).toBe(NEW);
    // what is in place is started all the same, under the restart policy
    await waitFor(() => (host.record('one')?.restarts ?? 0) > 0, { what: 'a start of what is in place' });
    expect(host.record('one')).toMatchObject({ wanted: 'running' });
    await host.clean('one');
  });
});
