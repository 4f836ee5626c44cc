/** The serving process, with streams and signals that stand for a process's own. */
import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createCertificates } from '../../../src/demo/certificates.ts';
import { ask, ControlSocket, defaultControlPath } from '../../../src/manager/control-socket.ts';
import { type ServeSettings, type ServingProcess, serve } from '../../../src/manager/serve.ts';
import { freePort } from '../../support/free-port.ts';
import { ManagerClient } from '../../support/manager-client.ts';
import { temporaryFolder } from '../../support/temp-folder.ts';
import { waitFor } from '../../support/wait-until.ts';

class FakeProcess extends EventEmitter {
  readonly stdin = new PassThrough();
  readonly stdout = new PassThrough();
  readonly stderr = new PassThrough();
  said = '';
  complained = '';

  constructor() {
    super();
    this.stdout.on('data', (text) => {
      this.said += text;
    });
    this.stderr.on('data', (text) => {
      this.complained += text;
    });
  }

  get lines(): Record<string, unknown>[] {
    return this.said.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  }

  line(event: string, more: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const fits = (line: Record<string, unknown>): boolean =>
      line['event'] === event && Object.entries(more).every(([key, value]) => line[key] === value);
    return waitFor(() => this.lines.find(fits), { what: `the event ${event}` });
  }

  order(order: unknown): void {
    this.stdin.write(`${typeof order === 'string' ? order : JSON.stringify(order)}\n`);
  }
}

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
let io: FakeProcess;
let ended: Promise<void> | null;
let settings: ServeSettings;

beforeEach(async () => {
  folder = await temporaryFolder('serve');
  io = new FakeProcess();
  ended = null;
  settings = {
    manager: { stopGraceMs: 50 },
    host: '127.0.0.1',
    port: 0,
    tlsFolder: null,
    json: true,
    controlPath: join(folder.path, 'control.sock'),
    faults: [],
  };
});
afterEach(async () => {
  io.emit('SIGTERM');
  await ended;
  await folder.remove();
});

async function start(over: Partial<ServeSettings> = {}): Promise<number> {
  ended = serve({ ...settings, ...over }, io as unknown as ServingProcess);
  return Number((await io.line('listening'))['port']);
}

test('says where it is, takes orders both ways, ends on a signal', async () => {
  const port = await start({
    faults: [{ kind: 'fault', method: 'Heartbeat', fault: { kind: 'refuse', message: 'no' } }],
  });
  expect(io.complained).toContain('manager: TLS is off');
  const client = ManagerClient.plaintext(port);
  expect(await client.heartbeat()).toEqual({ success: false, message: 'no' });
  io.order('');
  io.order({ fault: 'clear' });
  await io.line('fault', { fault: 'clear' });
  expect((await client.heartbeat()).success).toBe(true);
  io.order({ op: 'nodes' });
  await io.line('nodes');
  io.order('no JSON');
  io.order({ fault: 'explode' });
  await waitFor(() => io.lines.filter((line) => line['error']).length === 2, { what: 'both complaints' });
  io.order({ op: 'list', node: 'stranger', tag: 'mine' });
  await io.line('operated', { tag: 'mine' });
  const path = join(folder.path, 'control.sock');
  expect(await ask(path, { op: 'list', node: 'stranger' })).toMatchObject({ noSuchNode: true });
  expect(await ask(path, { op: 'nodes' })).toMatchObject({ nodes: [{ nodeId: 'node-1' }] });
  expect(await ask(path, { op: 'delete', node: 'node-1' })).toMatchObject({ existed: true });
  await io.line('deleted', { nodeId: 'node-1' });
  await expect(ask(path, { fault: 'explode' })).rejects.toThrow('unknown fault');
  client.close();
  io.emit('SIGINT');
  await ended;
  expect(existsSync(path)).toBe(false);
  expect(io.listenerCount('SIGHUP')).toBe(0);
});

test('SIGHUP reads the certificates anew; broken ones are told', async () => {
  const authority = await createCertificates(folder.path);
  await start({ tlsFolder: folder.path });
  expect(io.complained).toBe('');
  io.emit('SIGHUP');
  await io.line('tls');
  await createCertificates(folder.path, { authority, notAfter: new Date(0) });
  io.said = '';
  const { writeFile } = await import('node:fs/promises');
  await writeFile(join(folder.path, 'server.key'), 'rubbish');
  io.emit('SIGHUP');
  expect((await io.line('tls'))['error']).toContain('server.key');
});

test('for a person', async () => {
  ended = serve({ ...settings, json: false }, io as unknown as ServingProcess);
  await waitFor(() => /^listening on port \d+$/m.test(io.said), { what: 'the first line' });
});

test('whoever read its lines has gone: it goes on', async () => {
  const port = await start();
  io.stdout.emit('error', new Error('EPIPE'));
  io.stdin.emit('error', new Error('EIO'));
  const client = ManagerClient.plaintext(port);
  expect((await client.heartbeat()).success).toBe(true);
  client.close();
});

test('a port that nobody knows before has no control socket, unless it is named', async () => {
  await start({ controlPath: null });
  expect(io.lines[0]).not.toHaveProperty('control');
});

test('a socket that nobody named need not be had', async () => {
  const port = await freePort();
  const taken = new ControlSocket(async () => null);
  await taken.listen(defaultControlPath(tmpdir(), port));
  await start({ port, controlPath: null });
  expect(io.lines[0]).not.toHaveProperty('control');
  expect(io.complained).toContain('it serves without one');
  await taken.close();
});

test('a control socket that was named must be had', async () => {
  const other = new ControlSocket(async () => null);
  await other.listen(join(folder.path, 'control.sock'));
  await expect(serve(settings, io as unknown as ServingProcess)).rejects.toThrow('is not to be had');
  await other.close();
});
