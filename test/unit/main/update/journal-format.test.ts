import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { parseJournal, renderJournal } from '../../../../src/main/update/journal-format.ts';
import { AGENT_STEPS, DAEMON_STEPS } from '../../../../src/main/update/steps.ts';
import { agentJournalOf, daemonJournalOf } from './journals.ts';

const golden = (name: string): string => readFileSync(`test/golden/stores/${name}.json`, 'utf8');

test.each([
  ['update-agent-1', { kind: 'agent', step: 'proving', agentId: 'telegraf-metrics', ill: ['http'], switched: true }],
  [
    'update-daemon-1',
    { kind: 'daemon', step: 'watching', service: { kind: 'systemd', unit: 'daemon.service', user: false } },
  ],
])('%s is read for ever, and written as it was', (name, says) => {
  const journal = parseJournal(golden(name));
  expect(journal).toMatchObject({ format: 1, ...says });
  expect(renderJournal(journal)).toBe(golden(name));
});

test.each([
  ...Object.keys(AGENT_STEPS).map((step) => ['agent', step]),
  ...Object.keys(DAEMON_STEPS).map((step) => ['daemon', step]),
])('%s at %s comes back as it was', (kind, step) => {
  const journal = { ...(kind === 'agent' ? agentJournalOf() : daemonJournalOf()), step };
  expect(parseJournal(JSON.stringify(journal))).toEqual(journal);
});

test('fields of a later version are no obstacle', () => {
  const later = { ...agentJournalOf(), colour: 'green' };
  expect(parseJournal(JSON.stringify(later))).toEqual(later);
});

describe('refused, with what is wrong', () => {
  const without = (name: string, journal: object = agentJournalOf()): object =>
    Object.fromEntries(Object.entries(journal).filter(([key]) => key !== name));
  test.each<[string, unknown, string]>([
    ['a list', [], 'not a journal'],
    ['nothing', null, 'not a journal'],
    ['a number', 7, 'not a journal'],
    ['another format', { ...agentJournalOf(), format: 2 }, 'format 2 is not known'],
    ['no format', without('format'), 'format undefined is not known'],
    ['a step of the other kind', { ...agentJournalOf(), step: 'handing-over' }, 'step handing-over is not known'],
    ['a step that every object has', { ...agentJournalOf(), step: 'constructor' }, 'step constructor is not known'],
    ['an unknown kind', { ...agentJournalOf(), kind: 'manager' }, 'kind manager is not known'],
    ['no list of files', { ...agentJournalOf(), temporary: '/' }, 'temporary is not a list'],
    ...['id', 'oldVersion', 'newVersion', 'sha256', 'package', 'backup', 'agentId', 'target', 'staged', 'former'].map(
      (name): [string, unknown, string] => [`no ${name}`, without(name), `${name} is not a text`],
    ),
    ...['root', 'oldRelease', 'newRelease', 'pidFile'].map((name): [string, unknown, string] => [
      `no ${name}`,
      without(name, daemonJournalOf()),
      `${name} is not a text`,
    ]),
  ])('%s', (_, value, why) => expect(() => parseJournal(JSON.stringify(value))).toThrow(why));

  test.each([0, 1, 100, -1])('a torn one, cut at %i', (at) => {
    expect(() => parseJournal(golden('update-agent-1').slice(0, at < 0 ? -3 : at))).toThrow(SyntaxError);
  });
});
