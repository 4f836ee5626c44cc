import { describe, expect, test } from 'vitest';
import { nextMessage, nothingTold, type ServiceFacts, type Told } from '../../../../src/main/service/messages.ts';

const WATCHDOG_MS = 30_000;
const READY: Told = { phase: 'ready', status: 'well', statusMs: 0, fedMs: 0, startedMs: 0, extendedMs: 0 };

function facts(over: Partial<ServiceFacts> = {}): ServiceFacts {
  return {
    ...{ phase: 'ready', status: 'well', overdue: null, watchdogMs: WATCHDOG_MS, statusEveryMs: 5000 },
    ...{ nowMs: 0, monotonicUsec: 123_456n },
    ...over,
  };
}

describe('nextMessage', () => {
  test('a start says nothing at first, then asks for more time until it has taken ten minutes', () => {
    let told = nothingTold(0);
    let asked = 0;
    for (let nowMs = 0; nowMs <= 20 * 60_000; ) {
      const next = nextMessage(facts({ phase: 'starting', status: '', nowMs }), told);
      if (next.text === 'EXTEND_TIMEOUT_USEC=30000000') asked++;
      else expect(next.text).toBe('');
      told = next.told;
      if (next.againInMs === Number.POSITIVE_INFINITY) break;
      nowMs += Math.max(1, next.againInMs);
    }
    expect(asked).toBe(59); // each 10 s, not at 0 and not once ten minutes are over
  });

  test('ready, with the status, once; the watchdog is fed from then on', () => {
    const next = nextMessage(facts({ nowMs: 40_000 }), nothingTold(0));
    expect(next.text).toBe('READY=1\nSTATUS=well');
    expect(nextMessage(facts({ nowMs: 40_000 }), next.told)).toMatchObject({ text: '', againInMs: WATCHDOG_MS / 2 });
  });

  test('what was not sent is said again', () => {
    const before = nothingTold(0);
    const first = nextMessage(facts({ nowMs: 10 }), before).text;
    expect(nextMessage(facts({ nowMs: 1010 }), before).text).toBe(first);
  });

  test('a reload says when it began by the clock of the system, and is followed by ready', () => {
    const during = nextMessage(facts({ phase: 'reloading', nowMs: 1 }), READY);
    expect(during.text).toBe('RELOADING=1\nMONOTONIC_USEC=123456');
    expect(nextMessage(facts({ nowMs: 2 }), during.told).text).toBe('READY=1');
  });

  test('the end is said even while a status waits, and the watchdog is left alone', () => {
    const next = nextMessage(facts({ phase: 'stopping', status: 'ending', nowMs: 60_000 }), {
      ...READY,
      statusMs: 59_999,
    });
    expect(next).toMatchObject({ text: 'STOPPING=1\nSTATUS=ending', againInMs: Number.POSITIVE_INFINITY });
  });

  test('a status alone waits for its interval, and goes with anything else at once', () => {
    const soon = nextMessage(facts({ status: 'other', nowMs: 1000 }), READY);
    expect(soon).toMatchObject({ text: '', againInMs: 4000 });
    expect(nextMessage(facts({ status: 'other', nowMs: 5000 }), READY).text).toBe('STATUS=other');
    const fed = nextMessage(facts({ status: 'other', nowMs: WATCHDOG_MS / 2 }), { ...READY, statusMs: 14_999 });
    expect(fed.text).toBe('WATCHDOG=1\nSTATUS=other');
  });

  test('the watchdog is fed each half interval, and while a configuration is taken over', () => {
    expect(nextMessage(facts({ nowMs: 14_999 }), READY)).toMatchObject({ text: '', againInMs: 1 });
    expect(nextMessage(facts({ nowMs: 15_000 }), READY).text).toBe('WATCHDOG=1');
    const reloading = nextMessage(facts({ phase: 'reloading', nowMs: 15_000 }), { ...READY, phase: 'reloading' });
    expect(reloading.text).toBe('WATCHDOG=1');
  });

  test('is not fed while the schedule does not run, and again once it does', () => {
    const overdue = { name: 'collect', lateMs: 7501 };
    const stuck = nextMessage(facts({ nowMs: 15_000, overdue }), READY);
    expect(stuck).toMatchObject({ text: '', withheld: overdue, againInMs: 1000 });
    const well = nextMessage(facts({ nowMs: 16_000, overdue: { ...overdue, lateMs: 7500 } }), stuck.told);
    expect(well).toMatchObject({ text: 'WATCHDOG=1', withheld: null });
  });

  test('what is late for ten seconds does not run, however long the interval', () => {
    const long = { watchdogMs: 600_000, nowMs: 300_000 };
    expect(nextMessage(facts({ ...long, overdue: { name: 'heartbeat', lateMs: 10_001 } }), READY).text).toBe('');
    expect(nextMessage(facts({ ...long, overdue: { name: 'heartbeat', lateMs: 10_000 } }), READY).text).toBe(
      'WATCHDOG=1',
    );
  });

  test('without a watchdog there is nothing to wait for', () => {
    const next = nextMessage(facts({ watchdogMs: 0, nowMs: 1e9 }), READY);
    expect(next).toMatchObject({ text: '', againInMs: Number.POSITIVE_INFINITY });
  });
});
