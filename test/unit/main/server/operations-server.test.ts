/** The port for the Manager's operations, with a real client over real TLS. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';
import { credentials, type ServiceError, status } from '@grpc/grpc-js';
import { describe, expect, onTestFinished, test } from 'vitest';
import { REMOTE_OPERATIONS } from '../../../../src/shared/contracts/remote.ts';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { DaemonServiceClient, type UpdateRequest as WireRequest } from '../../../../src/shared/gen/daemon.ts';
import { testFolder } from '../../../support/temp-folder.ts';
import { waitFor } from '../../../support/wait-until.ts';
import { REQUEST, servedHost } from './served.ts';

const host = servedHost();
const { file, serve, client, push, refusal, ask } = host;

describe('agents', () => {
  test('are listed as the contract has them', async () => {
    const { port } = await serve({ agentIds: ['one'] });
    expect(await ask(port, 'listAgents', {})).toEqual({
      agents: [
        {
          ...{ id: 'one', type: 'custom', version: '1.2.3', status: 'running', pid: 42 },
          ...{ startTime: 5, restartCount: 3, lastHeartbeat: 7 },
        },
      ],
    });
  });

  test('what they used, an hour of it where nobody says how much; what is not known is 0', async () => {
    const { port } = await serve();
    const point = { cpu: 0, memoryRss: 5, memoryVms: 6, diskReadBytes: 7, diskWriteBytes: 0, openFiles: 9 };
    const of = (agentId: string, durationSeconds: number): Promise<unknown> =>
      ask(port, 'getAgentMetrics', { agentId, durationSeconds });
    expect(await of('one', 60)).toEqual({ agentId: 'one', dataPoints: [{ timestamp: 60, ...point }] });
    expect(await of('one', 0)).toEqual({ agentId: 'one', dataPoints: [{ timestamp: 3600, ...point }] });
    expect(await of('two', 60)).toEqual({ agentId: 'two', dataPoints: [] });
    await expect(of('', 60)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
    await expect(of('three', 60)).rejects.toMatchObject({ code: status.NOT_FOUND });
    await expect(of('one', -1)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });

  test.each(['start', 'stop', 'restart'])('%s is carried out, and is a line in the log', async (operation) => {
    const done: string[] = [];
    const { port } = await serve({ operate: async (what, id) => void done.push(`${what} ${id}`) });
    const answered = await ask(port, 'operateAgent', { agentId: 'two', operation });
    expect(answered).toEqual({ success: true, errorMessage: '' });
    expect(done).toEqual([`${operation} two`]);
    expect(host.log.events('operation')).toEqual([
      expect.objectContaining({ operation: 'OperateAgent', agentId: 'two', asked: operation, outcome: 'done' }),
    ]);
    expect(String(host.log.events('operation')[0]?.['caller'])).not.toBe('');
  });

  test('one that is being updated is left alone', async () => {
    const done: string[] = [];
    const { port } = await serve({ updating: 'one', operate: async (what, id) => void done.push(`${what} ${id}`) });
    const of = (agentId: string): Promise<unknown> => ask(port, 'operateAgent', { agentId, operation: 'stop' });
    expect(await of('one')).toEqual({ success: false, errorMessage: expect.stringContaining('being updated') });
    expect(await of('two')).toEqual({ success: true, errorMessage: '' });
    expect(done).toEqual(['stop two']);
  });

  test('an operation that fails is an answer, in words that may leave', async () => {
    const operate = (): Promise<void> => Promise.reject(new DaemonError('D3002', 'no end before the timeout'));
    const { port } = await serve({ operate });
    const answered = await ask(port, 'operateAgent', { agentId: 'one', operation: 'stop' });
    expect(answered).toEqual({ success: false, errorMessage: 'no end before the time limit' });
  });

  test('the same operation asked for again joins the one under way; its caller’s end changes nothing', async () => {
    let finish: () => void = () => {};
    let begun = 0;
    const operate = (): Promise<void> =>
      new Promise((resolve) => {
        begun++;
        finish = resolve;
      });
    const { port } = await serve({ operate });
    const made = client(port);
    const gaveUp = new Promise<ServiceError | null>((resolve) => {
      const call = made.operateAgent({ agentId: 'one', operation: 'restart' }, (error) => resolve(error));
      void waitFor(() => begun === 1, { what: 'the operation to begin' }).then(() => call.cancel());
    });
    expect((await gaveUp)?.code).toBe(status.CANCELLED);
    const joined = ask(port, 'operateAgent', { agentId: 'one', operation: 'restart' });
    // the server has it before it ends: a further question on the same connection is answered after it
    await ask(port, 'listAgents', {});
    finish();
    expect(await joined).toEqual({ success: true, errorMessage: '' });
    expect(begun).toBe(1);
  });

  test.each<[string, object, number]>([
    ['no agent', { agentId: '', operation: 'start' }, status.INVALID_ARGUMENT],
    ['an unknown agent', { agentId: 'three', operation: 'start' }, status.NOT_FOUND],
    ['an unknown operation', { agentId: 'one', operation: 'reboot' }, status.INVALID_ARGUMENT],
  ])('%s is refused', async (_, request, code) => {
    const { port } = await serve();
    await expect(ask(port, 'operateAgent', request)).rejects.toMatchObject({ code });
  });
});

describe('GetConfig', () => {
  const of = (port: number, change: object): Promise<{ success: boolean; message: string; configData: Buffer }> =>
    ask(port, 'getConfig', { nodeId: '', configType: 'daemon', agentId: '', ...change });

  test('gives the daemon’s effective configuration', async () => {
    const { port } = await serve();
    const { success, configData } = await of(port, {});
    expect([success, JSON.parse(configData.toString())]).toEqual([true, { daemon: { log_level: 'info' } }]);
  });

  test('gives an agent’s own file without what is secret', async () => {
    host.configFile = join(await testFolder('config'), 'agent.conf');
    const key = '-----BEGIN EC PRIVATE KEY-----\nMHcCAQEE\n-----END EC PRIVATE KEY-----';
    writeFileSync(host.configFile, `user: joe\npassword: geheim\n  api_key = "k1"\nurl: https://a:b@host/\n${key}\n`);
    const { port } = await serve();
    const { configData } = await of(port, { configType: 'agent', agentId: 'one' });
    const shown =
      'user: joe\npassword: "[secret]"\n  api_key = "[secret]"\nurl: https://[credentials]@host/\n[private key]\n';
    expect(configData.toString()).toBe(shown);
  });

  test.each<[string, object, string]>([
    ['has none', { agentId: 'two' }, 'has no config_file'],
    ['whose file has gone', { agentId: 'one' }, 'ENOENT'],
  ])('an agent that %s: an answer that says so', async (_, change, text) => {
    host.configFile = join(await testFolder('config'), 'absent.conf');
    const { port } = await serve();
    const { success, message } = await of(port, { configType: 'agent', ...change });
    expect([success, message.includes(text)]).toEqual([false, true]);
  });

  test('a file of more than 1 MiB is not sent', async () => {
    host.configFile = join(await testFolder('config'), 'large.conf');
    writeFileSync(host.configFile, 'x'.repeat(1024 * 1024 + 1));
    const { port } = await serve();
    expect(await of(port, { configType: 'agent', agentId: 'one' })).toMatchObject({ success: false });
  });

  test.each<[string, object]>([
    ['another node', { nodeId: 'node-2' }],
    ['another type', { configType: 'kernel' }],
    ['no agent of several', { configType: 'agent' }],
  ])('%s is refused', async (_, change) => {
    const { port } = await serve();
    await expect(of(port, change)).rejects.toMatchObject({ code: status.INVALID_ARGUMENT });
  });
});

describe('PushUpdate', () => {
  test('is handed on as a request of the Manager, which cannot allow a downgrade', async () => {
    const { port } = await serve();
    expect(await push(port)).toEqual({ success: true, message: 'it has begun' });
    expect(host.asked).toEqual([
      {
        component: 'agent',
        agentId: 'one',
        version: '2.0.0',
        source: { kind: 'url', url: 'https://manager/p' },
        sha256: 'ab',
        signature: 'c2ln',
        manifest: '',
        retry: false,
        origin: 'manager',
        allowDowngrade: false,
      },
    ]);
  });

  test('without agent_id means the only agent', async () => {
    const { port } = await serve({ agentIds: ['single'] });
    await push(port, { agentId: '' });
    expect(host.asked[0]?.agentId).toBe('single');
  });

  test.each<[string, Partial<WireRequest>, number, string]>([
    ['another node', { nodeId: 'node-2' }, status.INVALID_ARGUMENT, 'node-1'],
    ['an unknown component', { component: 'kernel' }, status.INVALID_ARGUMENT, 'daemon, agent'],
    ['no agent of several', { agentId: '' }, status.INVALID_ARGUMENT, 'there are 2 agents'],
    ['an agent with the daemon', { component: 'daemon' }, status.INVALID_ARGUMENT, 'agent_id'],
    ['an unknown agent', { agentId: 'three' }, status.NOT_FOUND, 'three'],
    ['neither URL nor data', { downloadUrl: '' }, status.INVALID_ARGUMENT, 'update_data'],
    ['both URL and data', { updateData: Buffer.from('x') }, status.INVALID_ARGUMENT, 'update_data'],
  ])('%s is refused and nothing is asked for', async (_, change, code, text) => {
    const { port } = await serve();
    const error = await refusal(port, change);
    expect(error).toMatchObject({ code, details: expect.stringContaining(text) });
    expect(host.asked).toEqual([]);
  });

  test('a package that is refused is success: false, with its code and no forbidden word', async () => {
    host.answer = () => Promise.reject(new DaemonError('D4002', 'the connection timeout (check: source)'));
    const { port } = await serve();
    const { success, message } = await push(port);
    expect({ success, message }).toEqual({ success: false, message: 'D4002 the link time limit (check: source)' });
  });

  test('inline data is kept in a file of the update’s own, which stays while that is under way', async () => {
    const { port } = await serve();
    await push(port, { downloadUrl: '', updateData: Buffer.from('a package') });
    const source = host.asked[0]?.source;
    expect(source).toMatchObject({ kind: 'file', owned: true });
    expect(source?.kind === 'file' && readFileSync(source.path, 'utf8')).toBe('a package');
  });

  test.each(['under-way', 'done', 'refused'] as const)('inline data is removed when the answer is %s', async (how) => {
    host.answer = async () => {
      if (how === 'refused') throw new DaemonError('D4003', 'no');
      return { state: how, message: '' };
    };
    const { port } = await serve();
    await push(port, { downloadUrl: '', updateData: Buffer.from('a package') });
    expect(readdirSync(host.downloads)).toEqual([]);
  });

  test('a message of more than 10 MiB is refused', async () => {
    const { port } = await serve();
    const error = await refusal(port, { downloadUrl: '', updateData: Buffer.alloc(11 * 1024 * 1024) });
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(host.asked).toEqual([]);
  });

  test('a client without a certificate gets nowhere', async () => {
    const { port } = await serve();
    const bare = new DaemonServiceClient(`127.0.0.1:${port}`, credentials.createSsl(readFileSync(file('ca.crt'))));
    onTestFinished(() => bare.close());
    const error = await new Promise<ServiceError | null>((resolve) => {
      bare.pushUpdate(REQUEST, (failure) => resolve(failure));
    });
    expect(error).not.toBeNull();
    expect(host.asked).toEqual([]);
  });

  test('TLS 1.2 is refused', async () => {
    const { port } = await serve();
    const identity = { key: readFileSync(file('client.key')), cert: readFileSync(file('client.crt')) };
    const failure = await new Promise<string>((resolve) => {
      const socket = connect({
        port,
        host: '127.0.0.1',
        ca: readFileSync(file('ca.crt')),
        maxVersion: 'TLSv1.2',
        ...identity,
      });
      socket.once('secureConnect', () => resolve(`connected by ${socket.getProtocol()}`));
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      onTestFinished(() => {
        socket.destroy();
      });
    });
    expect(failure).toMatch(/PROTOCOL_VERSION/);
  });
});

describe('what is allowed', () => {
  const calls: [string, keyof DaemonServiceClient, object][] = [
    ['list', 'listAgents', {}],
    ['metrics', 'getAgentMetrics', { agentId: 'one', durationSeconds: 1 }],
    ['config', 'getConfig', { nodeId: '', configType: 'daemon', agentId: '' }],
    ['start', 'operateAgent', { agentId: 'one', operation: 'start' }],
    ['stop', 'operateAgent', { agentId: 'one', operation: 'stop' }],
    ['restart', 'operateAgent', { agentId: 'one', operation: 'restart' }],
    ['update', 'pushUpdate', REQUEST],
  ];
  test.each(calls)(
    '%s is refused where remote.allow does not have it, and is a line in the log',
    async (name, method, request) => {
      const done: string[] = [];
      const allow = REMOTE_OPERATIONS.filter((operation) => operation !== name);
      const { port } = await serve({ access: { allow }, operate: async (what) => void done.push(what) });
      await expect(ask(port, method, request)).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
      expect([done, host.asked]).toEqual([[], []]);
      expect(host.log.events('operation')).toMatchObject([{ outcome: 'refused' }]);
      for (const [, other, its] of calls.filter(([operation]) => operation !== name)) await ask(port, other, its);
    },
  );

  test('a caller by another name is refused, by its common name or another let in', async () => {
    const { port } = await serve({ access: { allowedNames: ['manager.example'] } });
    await expect(ask(port, 'listAgents', {})).rejects.toMatchObject({ code: status.PERMISSION_DENIED });
    await expect(ask(port, 'operateAgent', { agentId: 'one', operation: 'x' })).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    const { port: open } = await serve({ access: { allowedNames: ['other', 'daemon'] } });
    expect(await ask(open, 'listAgents', {})).toBeDefined();
  });
});

describe('a port that cannot be opened', () => {
  test('is told once, and opened as soon as it is free', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const address = other.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    const server = await serve({ port });
    expect(server.port).toBe(0);
    host.retries.pop()?.();
    await waitFor(() => host.retries.length > 0, { what: 'another attempt' });
    expect(host.log.lines.filter(({ level }) => level === 'error')).toHaveLength(1);
    await new Promise((resolve) => other.close(resolve));
    host.retries.pop()?.();
    await waitFor(() => server.port === port, { what: 'the port' });
    expect(await push(port)).toMatchObject({ success: true });
  });

  test('certificates that come later are taken then', async () => {
    const certFile = join(await testFolder('late'), 'late.crt');
    const server = await serve({ certFile });
    expect(server.port).toBe(0);
    writeFileSync(certFile, readFileSync(file('server.crt')));
    host.retries.pop()?.();
    await waitFor(() => server.port > 0, { what: 'the port' });
    expect(await push(server.port)).toMatchObject({ success: true });
  });
});
