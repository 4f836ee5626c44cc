/** The two agents of the demo: a real node_exporter where this machine has one, and the sample agent. */
import { accessSync, constants, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { delimiter, isAbsolute, join } from 'node:path';
import { type DemoAgent, FAST_SECONDS } from './host-config.ts';

const EXPORTER_NAMES = ['node_exporter', 'prometheus-node-exporter'];
const SAMPLE_SECONDS = 5;

/** The first of the programs that a folder of PATH has; null where none has any. */
export function findProgram(names: readonly string[], path: string): string | null {
  for (const name of names) {
    for (const folder of path.split(delimiter).filter(isAbsolute)) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        if (statSync(file).isFile()) return file;
      } catch {
        // not here: the next folder may have it
      }
    }
  }
  return null;
}

/** A port of 127.0.0.1 that is free at this moment. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function sampleAgent(id: string, program: string, fast: boolean): DemoAgent {
  const interval = `${fast ? FAST_SECONDS : SAMPLE_SECONDS}s`;
  return {
    id,
    type: 'custom',
    binaryPath: process.execPath,
    args: [program, '--name', id, '--interval', interval],
    httpEndpoint: '',
    sendsHeartbeats: true,
  };
}

/** `sampleProgram`: path of sample-agent.js. `path`: as the variable PATH. */
export async function demoAgents(sampleProgram: string, path: string, fast: boolean): Promise<DemoAgent[]> {
  const exporter = findProgram(EXPORTER_NAMES, path);
  if (!exporter) return ['sample-agent-1', 'sample-agent-2'].map((id) => sampleAgent(id, sampleProgram, fast));
  const address = `127.0.0.1:${await freePort()}`;
  const first: DemoAgent = {
    id: 'node-exporter',
    type: 'node_exporter',
    binaryPath: exporter,
    args: [`--web.listen-address=${address}`],
    httpEndpoint: `http://${address}/`,
    sendsHeartbeats: false,
  };
  return [first, sampleAgent('sample-agent', sampleProgram, fast)];
}
