import { existsSync, readdirSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { EventLog } from '../../../../../src/main/link/queue/event-log.ts';
import type { HostEvent } from '../../../../../src/shared/contracts/host-event.ts';
import type { Event } from '../../../../../src/shared/gen/daemon.ts';
import { isWriting, systemError } from './faulty-files.ts';
import { Place, seeded } from './place.ts';

const exited = (over: Partial<HostEvent> = {}): HostEvent => ({
  kind: 'agent-exited',
  agentId: 'filebeat',
  message: 'agent filebeat exited with status 1',
  details: { exit_code: '1' },
  lastLines: ['one', 'two'],
  ...over,
});
const open = (place: Place, maxEntries?: number): Promise<EventLog> =>
  EventLog.open({ ...place.surroundings, ...(maxEntries ? { maxEntries } : {}) });
const numbers = (events: Event[]): number[] => events.map(({ number }) => number);

async function drained(events: EventLog): Promise<number[]> {
  const all: number[] = [];
  for (;;) {
    const some = await events.next();
    if (some.length === 0) return all;
    all.push(...numbers(some));
    await events.taken(some.at(-1)?.number ?? 0);
  }
}

describe('EventLog', () => {
  test('gives what was added, until it is taken', async () => {
    const place = await Place.make();
    const events = await open(place);
    expect(existsSync(place.folder)).toBe(false);
    expect(await events.next()).toEqual([]);
    expect(events.add(exited())).toBe(1);
    expect(events.add(exited({ kind: 'certificate', agentId: '', lastLines: [] }))).toBe(2);
    const expected = {
      number: 1,
      timestamp: place.second,
      kind: 'agent-exited',
      agentId: 'filebeat',
      message: 'agent filebeat exited with status 1',
      details: new Map([['exit_code', '1']]),
      lastLines: ['one', 'two'],
    };
    expect((await events.next())[0]).toEqual(expected);
    expect(numbers(await events.next())).toEqual([1, 2]);
    await events.taken(1);
    expect(numbers(await events.next())).toEqual([2]);
    await events.taken(1_000_000); // a Manager that speaks of what never was
    expect(events.waiting).toBe(0);
    expect(events.add(exited())).toBe(3);
    await events.close();
    expect(place.files.handles).toBe(0);
    expect(place.clock.timers).toBe(0);
  });

  test('numbers go on over restarts and kills, whatever was taken', async () => {
    let place = await Place.make();
    let number = 0;
    for (let life = 0; life < 12; life++) {
      const events = await open(place);
      expect(events.waiting).toBe(life % 3);
      for (let i = 0; i < 3; i++) expect(events.add(exited())).toBe(++number);
      const left = (life + 1) % 3;
      expect((await events.next()).at(-1)?.number).toBe(number);
      await events.taken(number - left);
      if (life % 2 === 0) await events.close();
      place = await place.afterKill();
    }
    const events = await open(place);
    expect(await drained(events)).toEqual([]);
    expect(readdirSync(place.folder)).toEqual(['cursor']);
  });

  test('and over power cuts: none that was given to the Manager is given to another event', async () => {
    const random = seeded(3);
    let place = await Place.make();
    let given = 0;
    for (let life = 0; life < 40; life++) {
      const events = await open(place);
      for (let i = random() * 4; i > 0; i--) expect(events.add(exited())).toBeGreaterThan(given);
      const some = await events.next();
      given = Math.max(given, some.at(-1)?.number ?? 0);
      if (random() < 0.8) await events.taken(given);
      await place.files.powerCut(random);
      place = await place.afterKill();
    }
    expect(given).toBeGreaterThan(40);
  });

  test('what waits for a second is on disk, without anybody asking', async () => {
    const place = await Place.make();
    const events = await open(place);
    events.add(exited());
    await place.clock.advance(1000);
    await events.taken(0); // in turn: the write before it is done
    expect((await open(await place.afterKill())).waiting).toBe(1);
  });

  test('a call has 50 events and 256 KiB at most', async () => {
    const place = await Place.make();
    const events = await open(place);
    for (let i = 0; i < 130; i++) events.add(exited());
    expect(numbers(await events.next())).toHaveLength(50);
    expect(await drained(events)).toHaveLength(130);
    const lines = Array.from({ length: 50 }, () => '€'.repeat(1000));
    for (let i = 0; i < 40; i++) {
      events.add(exited({ lastLines: lines }));
      await events.next();
    }
    const some = await events.next();
    expect(some.length).toBeGreaterThan(5);
    expect(some.length).toBeLessThan(20);
    expect(await drained(events)).toHaveLength(40);
  });

  test('texts are cut, at a character', async () => {
    const events = await open(await Place.make());
    const details = Object.fromEntries(
      Array.from({ length: 50 }, (_, at) => [`${at}${'n'.repeat(100)}`, 'd'.repeat(999)]),
    );
    const lastLines = Array.from({ length: 30 }, (_, at) => `${at} ${'l'.repeat(500)}`);
    events.add(exited({ message: `${'m'.repeat(499)}😀`, details, lastLines }));
    const [event] = await events.next();
    expect(event?.message).toBe('m'.repeat(499));
    expect(event?.details.size).toBe(20);
    expect([...(event?.details ?? [])].every(([name, text]) => name.length === 50 && text.length === 300)).toBe(true);
    expect(event?.lastLines).toHaveLength(20);
    expect(event?.lastLines[0]).toMatch(/^10 l{297}$/);
  });

  test('the oldest go first beyond so many, which leaves a gap in the numbers', async () => {
    const place = await Place.make();
    const events = await open(place, 10);
    for (let i = 0; i < 35; i++) {
      events.add(exited());
      if (i % 7 === 0) await events.next();
    }
    expect(numbers(await events.next())).toEqual([26, 27, 28, 29, 30, 31, 32, 33, 34, 35]);
    expect(events.waiting).toBe(10);
    expect(place.log.events('events-given-up').length).toBeGreaterThan(0);
    await events.close();
    expect(numbers(await (await open(await place.afterKill(), 10)).next())[0]).toBe(26);
  });

  test('a thousand by default', async () => {
    const events = await open(await Place.make());
    for (let i = 0; i < 1100; i++) {
      events.add(exited());
      if (i % 100 === 0) await events.next();
    }
    expect(await drained(events)).toEqual(Array.from({ length: 1000 }, (_, at) => at + 101));
  });

  test('with a disk that cannot be written they are told all the same', async () => {
    const place = await Place.make();
    place.files.fault = (operation) => (isWriting(operation) ? systemError('ENOSPC') : null);
    const events = await open(place);
    for (let i = 0; i < 3; i++) events.add(exited());
    expect(numbers(await events.next())).toEqual([1, 2, 3]);
    await events.taken(2);
    expect(numbers(await events.next())).toEqual([3]);
    expect(place.log.events('queue-disk-failed').filter(({ level }) => level === 'warn')).toHaveLength(1);
    const lines = Array.from({ length: 20 }, () => '€'.repeat(300));
    for (let i = 0; i < 100; i++) events.add(exited({ lastLines: lines }));
    const [first] = numbers(await events.next());
    expect(first).toBeGreaterThan(10);
    expect(place.log.events('events-given-up').length).toBeGreaterThan(0);
  });

  test('with a disk that cannot be read nothing is given and nothing lost', async () => {
    const place = await Place.make();
    const events = await open(place);
    events.add(exited());
    await events.next();
    place.files.fault = ({ kind }) => (kind === 'open' ? systemError('EMFILE') : null);
    expect(await events.next()).toEqual([]);
    place.files.fault = () => null;
    expect(await drained(events)).toEqual([1]);
  });
});
