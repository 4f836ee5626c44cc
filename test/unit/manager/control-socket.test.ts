import { chownSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest';
import { ask, ControlSocket, defaultControlPath, NoManagerError } from '../../../src/manager/control-socket.ts';
import { testFolder } from '../../support/temp-folder.ts';

let path: string;
let control: ControlSocket;

beforeEach(async () => {
  path = join(await testFolder('control'), 'control.sock');
  control = new ControlSocket(async (order) => {
    if (JSON.stringify(order).includes('fail')) throw new Error('no', { cause: new Error('because') });
    return { order };
  });
  await control.listen(path);
});
afterEach(() => control.close());

test('an order and its answer; only its user may ask', async () => {
  expect(await ask(path, { op: 'nodes' })).toEqual({ order: { op: 'nodes' } });
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test('a large one', async () => {
  const order = { data: 'x'.repeat(3 * 1024 * 1024) };
  expect(await ask(path, order)).toEqual({ order });
});

test('what is rejected is the answer, with its cause', async () => {
  await expect(ask(path, { fail: true })).rejects.toThrow('no: because');
});

test('what is no JSON object is answered, and the connection ends', async () => {
  const socket = connect(path);
  socket.setEncoding('utf8');
  socket.write('rubbish');
  let said = '';
  for await (const text of socket) said += text;
  expect(JSON.parse(said)).toEqual({ error: expect.stringContaining('between two objects') });
});

test('the end of the Manager ends who waits', async () => {
  const other = new ControlSocket(() => new Promise(() => {}));
  await other.listen(`${path}2`);
  const waits = expect(ask(`${path}2`, {})).rejects.toThrow('ended before it answered');
  const connected = connect(`${path}2`);
  connected.on('error', () => {}); // it is cut off too
  await new Promise((resolve) => connected.once('connect', resolve));
  await other.close();
  await waits;
  expect(existsSync(`${path}2`)).toBe(false);
});

test.each([
  ['there is nothing', () => {}],
  ['there is a file', (at: string) => writeFileSync(at, '')],
])('no Manager: %s', async (_, make) => {
  const at = `${path}3`;
  make(at);
  await expect(ask(at, {})).rejects.toThrow(NoManagerError);
});

test("another's socket is not asked", async () => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(`${path}4`, resolve));
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())));
  // root may own what anybody asks: then it must be another's
  if (process.getuid?.() === 0) chownSync(`${path}4`, 12_345, 12_345);
  await expect(ask(`${path}4`, {}, 54_321)).rejects.toThrow('belongs to another user');
});

test('a path that another program serves is refused', async () => {
  const other = new ControlSocket(async () => null);
  await expect(other.listen(path)).rejects.toThrow('served by another program');
});

test('the default is named by port and user', () => {
  expect(defaultControlPath('/tmp', 9090, 1000)).toBe('/tmp/manager-9090-1000.sock');
});
