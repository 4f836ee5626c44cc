import { describe, expect, test } from 'vitest';
import type { Overdue } from '../../../../src/main/service/messages.ts';
import { Service } from '../../../../src/main/service/service.ts';
import { FakeClock, settle } from '../../../fakes/clock.ts';
import { FakeLog } from '../../../fakes/log.ts';

function service({ cheap = true, watchdogMs = 10_000 } = {}) {
  const clock = new FakeClock();
  const sent: string[] = [];
  const log = new FakeLog();
  const fault = { error: null as Error | null };
  const state = { status: 'all well', overdue: null as Overdue | null };
  const socket = {
    cheap,
    send: (text: string): Promise<void> => {
      if (fault.error) return Promise.reject(fault.error);
      sent.push(text);
      return Promise.resolve();
    },
  };
  const made = new Service({ socket, watchdogMs, clock, monotonicUsec: () => 42n, log });
  const spokesman = { status: () => state.status, overdue: () => state.overdue };
  return { made, clock, sent, log, fault, state, spokesman };
}

describe('Service', () => {
  test('from start to end: each thing once, nothing after the end', async () => {
    const { made, clock, sent, spokesman } = service({ watchdogMs: 0 });
    await settle();
    expect(sent).toEqual(['STATUS=starting']);
    made.ready(spokesman);
    made.ready(spokesman);
    await settle();
    let during = 0;
    await made.reloading(async () => {
      await settle();
      during = sent.length;
    });
    await settle();
    made.stopping();
    made.changed();
    await clock.advance(600_000);
    expect(during).toBe(3);
    expect(sent).toEqual([
      'STATUS=starting',
      'READY=1\nSTATUS=all well',
      'RELOADING=1\nMONOTONIC_USEC=42',
      'READY=1',
      'STOPPING=1\nSTATUS=ending; agents run on',
    ]);
    expect(clock.timers).toBe(0);
  });

  test('two reloads at once are one, and one that fails is over too', async () => {
    const { made, sent, spokesman } = service({ watchdogMs: 0 });
    made.ready(spokesman);
    await settle();
    const failing = made.reloading(() => Promise.reject(new Error('no such file')));
    await Promise.all([expect(failing).rejects.toThrow('no such file'), made.reloading(() => settle())]);
    await settle();
    expect(sent.slice(2)).toEqual(['RELOADING=1\nMONOTONIC_USEC=42', 'READY=1']);
  });

  test('many changes are one message each five seconds, or a minute where each costs a process', async () => {
    for (const [cheap, expected] of [
      [true, 12],
      [false, 1],
    ] as const) {
      const { made, clock, sent, state, spokesman } = service({ cheap, watchdogMs: 0 });
      made.ready(spokesman);
      await settle();
      for (let i = 0; i < 600; i++) {
        state.status = `change ${i}`;
        made.changed();
        await clock.advance(100);
      }
      expect(sent.length - 2).toBe(expected);
    }
  });

  test('feeds the watchdog each half interval, stops while the schedule stands still, and says so once', async () => {
    const { made, clock, sent, log, state, spokesman } = service();
    made.ready(spokesman);
    await clock.advance(20_000);
    expect(sent.filter((text) => text === 'WATCHDOG=1')).toHaveLength(4);
    state.overdue = { name: 'heartbeat', lateMs: 3000 };
    await clock.advance(60_000);
    expect(sent).toHaveLength(6);
    expect(log.lines.map(({ event, job }) => [event, job])).toEqual([['watchdog', 'heartbeat']]);
    state.overdue = null;
    await clock.advance(1000);
    expect(sent.at(-1)).toBe('WATCHDOG=1');
    expect(log.lines).toHaveLength(2);
  });

  test('what was refused is sent again until it is taken; that it failed is told once', async () => {
    const { made, clock, sent, log, fault, spokesman } = service();
    await settle();
    fault.error = new Error('queue is full');
    made.ready(spokesman);
    await clock.advance(5500);
    expect(sent).toEqual(['STATUS=starting']);
    expect(log.lines.map(({ event }) => event)).toEqual(['service-notify']);
    fault.error = null;
    await clock.advance(1000);
    expect(sent[1]).toBe('READY=1\nSTATUS=all well');
  });

  test('a start that takes long asks for more time', async () => {
    const { clock, sent } = service();
    await clock.advance(25_000);
    expect(sent).toEqual(['STATUS=starting', 'EXTEND_TIMEOUT_USEC=30000000', 'EXTEND_TIMEOUT_USEC=30000000']);
  });
});
