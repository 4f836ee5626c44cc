/**
 * Hands one message to systemd: by the addon beside the bundles, which costs 10 µs, or by the program systemd-notify,
 * which costs a process. Node itself has no datagram sockets of that kind.
 */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

export interface NotifySocket {
  /** Whether a message costs next to nothing. */
  readonly cheap: boolean;
  /** Rejects in words where the message was not taken. Messages go one after another. */
  send(text: string): Promise<void>;
}

interface Addon {
  notify?(address: string, text: string): number;
}

const PROGRAM_MS = 10_000;

/** `environment`: where the program systemd-notify is looked for. */
export function notifySocket(address: string, bundles: string, environment: NodeJS.ProcessEnv): NotifySocket {
  const notify = addonCall(join(bundles, 'give-back.node'));
  if (notify) {
    return {
      cheap: true,
      async send(text) {
        const errno = -notify(address, text);
        if (errno !== 0) throw new Error(`${address} did not take a message (errno ${errno})`);
      },
    };
  }
  let last: Promise<unknown> = Promise.resolve();
  return {
    cheap: false,
    send(text) {
      const env = { PATH: environment['PATH'], NOTIFY_SOCKET: address };
      const options = { env, timeout: PROGRAM_MS };
      const sent = last.then(() => promisify(execFile)('systemd-notify', text.split('\n'), options));
      last = sent.catch(() => {}); // whoever sent it gets the error
      return sent.then(() => {});
    },
  };
}

function addonCall(path: string): Addon['notify'] | null {
  try {
    const module = { exports: {} as Addon };
    process.dlopen(module, path);
    return module.exports.notify ?? null;
  } catch {
    return null; // not built here; that is no fault, and told where the footprint looks for it
  }
}
