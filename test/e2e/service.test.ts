/** The built daemon as systemd would start it: what it tells, when, and that nobody else can tell anything for it. */
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readProcFile } from '../../src/shared/platform/proc.ts';
import { sampleAgent, TestHost } from '../support/daemon-process.ts';
import { freePort } from '../support/free-port.ts';
import { Child } from '../support/processes.ts';
import { waitFor } from '../support/wait-until.ts';

const LISTENER = join(import.meta.dirname, '../fixtures/service/notify-socket.pl');

async function host() {
  const made = await TestHost.make();
  onTestFinished(() => made.remove());
  const address = join(made.folder, 'notify');
  const listener = new Child([LISTENER, address], { program: 'perl' });
  onTestFinished(async () => void (await listener.kill('SIGKILL')));
  await listener.object(({ listening }) => listening === true, { what: 'the socket' });
  const messages = (): string[] => listener.objects.slice(1).map(({ message }) => String(message));
  const told = (what: string | RegExp, from = 0) =>
    waitFor(
      () =>
        messages()
          .slice(from)
          .some((text) => text.match(what) !== null),
      { what: `the message ${what}`, timeoutMs: 20_000 },
    );
  await made.configure(await freePort(), 'off', { agents: [sampleAgent('one')] });
  const start = (watchdogMs: number): Child =>
    made.start([], { env: { NOTIFY_SOCKET: address, WATCHDOG_USEC: String(watchdogMs * 1000) } });
  return { made, messages, told, start };
}

describe.runIf(process.platform === 'linux')('under systemd', () => {
  test('ready once its agent runs and its control socket answers, with no Manager there; then reload and end', async () => {
    const { made, messages, told, start } = await host();
    const daemon = start(0);
    await told('READY=1');
    expect(made.agents()).toHaveLength(1);
    expect((await made.link()).state).not.toBe('connected');
    await told(/STATUS=1 agent (starting|running); link to the Manager: /);

    const before = messages().length;
    daemon.signal('SIGHUP');
    await told('READY=1', before);
    const usec = Number(/^RELOADING=1\nMONOTONIC_USEC=(\d+)$/m.exec(messages()[before] ?? '')?.[1]);
    const uptimeSeconds = Number(readProcFile('/proc/uptime')?.split(' ')[0]);
    expect(Math.abs(uptimeSeconds - usec / 1e6)).toBeLessThan(60);

    daemon.signal('SIGTERM');
    expect(await daemon.ended()).toEqual({ code: 0, signal: null });
    expect(messages().at(-1)).toBe('STOPPING=1\nSTATUS=ending; agents run on');
  });

  test('feeds the watchdog; its agents know nothing of it', async () => {
    const { made, messages, told, start } = await host();
    start(2000);
    await told('READY=1');
    await waitFor(() => messages().filter((text) => text.startsWith('WATCHDOG=1')).length >= 3, {
      what: 'three feedings',
    });
    for (const pid of made.agents()) {
      expect(readProcFile(`/proc/${pid}/environ`, 1 << 18)).not.toMatch(/NOTIFY_SOCKET|WATCHDOG/);
    }
  });

  test('without systemd it tells nobody anything', async () => {
    const { made, messages } = await host();
    made.start();
    await made.logged('started');
    expect(messages()).toEqual([]);
  });
});
