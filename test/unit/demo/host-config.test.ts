import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { type DemoAgent, renderHostConfig } from '../../../src/demo/host-config.ts';

const EXPORTER: DemoAgent = {
  id: 'node-exporter',
  type: 'node_exporter',
  binaryPath: '/usr/bin/node_exporter',
  args: ['--web.listen-address=127.0.0.1:1234'],
  httpEndpoint: 'http://127.0.0.1:1234/',
  sendsHeartbeats: false,
};
const SAMPLE: DemoAgent = {
  id: 'sample',
  type: 'custom',
  binaryPath: '/opt/no de',
  args: ['/x "y": #z', '--name', 'sample'],
  httpEndpoint: '',
  sendsHeartbeats: true,
};
const FOLDER = '/tmp/demo: #1';

test('with the defaults only what must be said is said', () => {
  const config: unknown = parse(
    renderHostConfig({ folder: FOLDER, managerPort: 9090, agents: [EXPORTER, SAMPLE], fast: false }),
  );
  expect(config).toEqual({
    daemon: {
      log_level: 'debug',
      log_file: `${FOLDER}/daemon.log`,
      pid_file: `${FOLDER}/daemon.pid`,
      work_dir: `${FOLDER}/work`,
      grpc_port: 0,
    },
    manager: {
      address: '127.0.0.1:9090',
      tls: { cert_file: `${FOLDER}/client.crt`, key_file: `${FOLDER}/client.key`, ca_file: `${FOLDER}/ca.crt` },
    },
    agents: [
      {
        id: 'node-exporter',
        type: 'node_exporter',
        binary_path: '/usr/bin/node_exporter',
        args: EXPORTER.args,
        health_check: { heartbeat_timeout: '0s', http_endpoint: 'http://127.0.0.1:1234/' },
      },
      { id: 'sample', type: 'custom', binary_path: '/opt/no de', args: SAMPLE.args },
    ],
  });
});

test('fast: every interval is two seconds', () => {
  const config: unknown = parse(renderHostConfig({ folder: FOLDER, managerPort: 9090, agents: [SAMPLE], fast: true }));
  expect(config).toMatchObject({
    manager: { heartbeat_interval: '2s', reconnect_interval: '1s' },
    agents: [{ health_check: { interval: '2s' } }],
    collectors: {
      cpu: { interval: '2s' },
      memory: { interval: '2s' },
      disk: { interval: '2s' },
      network: { interval: '2s' },
    },
  });
});
