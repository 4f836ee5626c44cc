import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { notifySocket } from '../../../../src/main/service/notify-socket.ts';
import { addonInto } from '../../../support/built-addon.ts';
import { Child } from '../../../support/processes.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';

const LISTENER = join(import.meta.dirname, '../../../fixtures/service/notify-socket.pl');

async function listener(address: string): Promise<{ messages(): unknown[] }> {
  const child = new Child([LISTENER, address], { program: 'perl' });
  onTestFinished(async () => void (await child.kill('SIGKILL')));
  await child.object(({ listening }) => listening === true, { what: 'the socket' });
  return { messages: () => child.objects.slice(1).map(({ message }) => message) };
}

describe.runIf(process.platform === 'linux')('through the addon', () => {
  test.for([['a path'], ['an abstract name']] as const)('%s: messages arrive whole', async ([kind], { skip }) => {
    const folder = await testFolder('notify');
    const why = await addonInto(folder);
    if (why) skip(why);
    const address = kind === 'a path' ? join(folder, 'n') : `@${folder}`;
    const { messages } = await listener(address);
    const socket = notifySocket(address, folder, {});
    const long = `STATUS=${'x'.repeat(4000)}`;
    await socket.send('READY=1\nSTATUS=grüße');
    await socket.send(long);
    await waitFor(() => messages().length === 2, { what: 'both messages' });
    expect(messages()).toEqual(['READY=1\nSTATUS=grüße', long]);
    expect(socket.cheap).toBe(true);
  });

  test('nobody there, a name that is too long, a text that is too long: refused in words', async ({ skip }) => {
    const folder = await testFolder('notify');
    const why = await addonInto(folder);
    if (why) skip(why);
    const refused = (address: string, text: string) =>
      expect(notifySocket(address, folder, {}).send(text)).rejects.toThrow(/did not take a message/);
    await refused(join(folder, 'absent'), 'READY=1');
    await refused(`/${'n'.repeat(200)}`, 'READY=1');
    await refused(`@${'n'.repeat(200)}`, 'READY=1');
    await refused('relative', 'READY=1');
    const { messages } = await listener(join(folder, 'n'));
    await refused(join(folder, 'n'), 'x'.repeat(4096));
    expect(messages()).toEqual([]);
  });

  test('a receiver that does not read is never waited for', async ({ skip }) => {
    const folder = await testFolder('notify');
    const why = await addonInto(folder);
    if (why) skip(why);
    const child = new Child([LISTENER, join(folder, 'n')], { program: 'perl' });
    onTestFinished(async () => void (await child.kill('SIGKILL')));
    await child.object(({ listening }) => listening === true, { what: 'the socket' });
    child.signal('SIGSTOP');
    const socket = notifySocket(join(folder, 'n'), folder, {});
    const flood = async (): Promise<void> => {
      for (let i = 0; i < 100_000; i++) await socket.send('WATCHDOG=1');
    };
    await expect(flood()).rejects.toThrow(/errno 11/);
  });
});

describe('through systemd-notify', () => {
  test('one process a message, in order, with nothing of the environment but where it is', async () => {
    const folder = await testFolder('notify');
    const script = `#!/bin/sh\nprintf '%s|' "$NOTIFY_SOCKET" "$SECRET" "$@" >>${folder}/told\necho >>${folder}/told\n`;
    await writeFile(join(folder, 'systemd-notify'), script, { mode: 0o755 });
    const socket = notifySocket('/run/n', folder, { PATH: `${folder}:/bin:/usr/bin`, SECRET: 'secret' });
    await Promise.all([socket.send('READY=1\nSTATUS=all is well'), socket.send('WATCHDOG=1')]);
    const told = await readFile(join(folder, 'told'), 'utf8');
    expect(told).toBe('/run/n||READY=1|STATUS=all is well|\n/run/n||WATCHDOG=1|\n');
    expect(socket.cheap).toBe(false);
  });

  test('a program that fails, or is not there, rejects, and the next message is sent all the same', async () => {
    const folder = await testFolder('notify');
    const socket = notifySocket('/run/n', folder, { PATH: folder });
    await expect(socket.send('READY=1')).rejects.toThrow(/systemd-notify/);
    await writeFile(join(folder, 'systemd-notify'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    await expect(socket.send('READY=1')).resolves.toBeUndefined();
  });
});
