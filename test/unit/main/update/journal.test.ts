import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { JournalFile } from '../../../../src/main/update/journal.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { agentJournalOf } from './journals.ts';

let folder: string;
let file: JournalFile;

beforeEach(async () => {
  folder = await testFolder('journal');
  file = new JournalFile(join(folder, 'agent-one.json'));
});

test('what was written is read again, by nobody but its owner', async () => {
  expect(await file.read()).toBeNull();
  await file.write(agentJournalOf());
  await file.write(agentJournalOf({ step: 'staging' }));
  expect(await file.read()).toEqual(agentJournalOf({ step: 'staging' }));
  expect(statSync(file.path).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['agent-one.json']);
});

test('removing it removes what a killed process was writing; twice is no matter', async () => {
  await file.write(agentJournalOf());
  for (const name of ['.agent-one.json.12.tmp', '.agent-one2.json.12.tmp']) writeFileSync(join(folder, name), '{');
  await file.remove();
  await file.remove();
  expect(readdirSync(folder)).toEqual(['.agent-one2.json.12.tmp']);
});

test('one that cannot be understood says why, and is set aside', async () => {
  writeFileSync(file.path, '{"format": 9}');
  await expect(file.read()).rejects.toThrow('format 9 is not known');
  expect(await file.setAside(5)).toBe(`${file.path}.unreadable-5`);
  expect(readFileSync(`${file.path}.unreadable-5`, 'utf8')).toBe('{"format": 9}');
  expect(await file.read()).toBeNull();
});

test('one that cannot be read, or written, is an error', async () => {
  mkdirSync(file.path);
  await expect(file.read()).rejects.toThrow('EISDIR');
  rmSync(folder, { recursive: true });
  await expect(file.write(agentJournalOf())).rejects.toThrow('ENOENT');
});

test.each([
  ['agent:staging', true],
  ['agent:accepted', false],
  ['daemon:staging', false],
])('told to halt after %s', async (halt, halts) => {
  const halting = new JournalFile(file.path, halt);
  let settled = false;
  void halting.write(agentJournalOf({ step: 'staging' })).then(() => {
    settled = true;
  });
  await waitFor(async () => (await file.read())?.step === 'staging', { what: 'the journal' });
  if (!halts) await waitFor(() => settled, { what: 'the write to settle' });
  expect(settled).toBe(!halts);
});
