/** The server in Node of docs/link-protocol.md is what it says: it runs as it stands, and the daemon works with it. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Client, credentials } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { waitFor } from '../../../../support/wait-until.ts';
import { daemonSide, eventOf } from './stream-host.ts';

const ROOT = fileURLToPath(new URL('../../../../..', import.meta.url));

test('the example answers a daemon', async () => {
  const code = /```js\n([\s\S]*?)```/.exec(readFileSync(`${ROOT}/docs/link-protocol.md`, 'utf8'))?.[1] ?? '';
  const environment = { ...process.env, PORT: '0' };
  const server = spawn(process.execPath, ['--input-type=module', '-'], { cwd: ROOT, env: environment });
  let output = '';
  for (const stream of [server.stdout, server.stderr]) stream.on('data', (text) => (output += String(text)));
  const says = (pattern: RegExp): Promise<string> =>
    waitFor(() => pattern.exec(output)?.[0], { what: `${pattern} of the example`, timeoutMs: 30_000 });
  try {
    server.stdin.end(code);
    const port = /\d+/.exec(await says(/listening on \d+/))?.[0];
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), { 'grpc.enable_retries': 0 });
    await new Promise<void>((resolve, reject) => {
      client.waitForReady(Date.now() + 30_000, (error) => (error ? reject(error) : resolve()));
    });
    const daemon = daemonSide(client);
    daemon.events.push(eventOf(1, 'it ended'));
    daemon.stream.start();
    await says(/node-1 allows list, config/);
    await says(/1: status 0/);
    await says(/agent-exited: it ended/);
    await waitFor(() => daemon.taken.length > 0, { what: 'the event to be taken', timeoutMs: 30_000 });
    await daemon.stream.close();
    client.close();
    expect(daemon.timers.size).toBe(0);
  } finally {
    server.kill('SIGKILL');
  }
});
