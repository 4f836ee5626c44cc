/** Listening on a Unix socket: a stale file is taken over, a live one is an error, since another program serves it. */
import { chmodSync, unlinkSync } from 'node:fs';
import { connect, type Server } from 'node:net';
import { DaemonError } from '../errors/daemon-error.ts';

/** Whether somebody listens on the socket file. */
function isLive(path: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED' || error.code === 'ENOENT') resolve(false);
      else reject(error);
    });
  });
}

/** Settles when it listens; owner and group may connect. The file goes when the server is closed. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  if (await isLive(path)) throw new DaemonError('internal', `the socket ${path} is served by another program`);
  try {
    unlinkSync(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error;
  }
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(path, () => {
      server.off('error', reject);
      resolve();
    });
  });
  chmodSync(path, 0o660);
}
