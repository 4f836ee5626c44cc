/** One question to the daemon over its control socket, and its answer. */
import { connect } from 'node:net';
import type { ControlAnswer, ControlVerb, ControlVerbs } from '../shared/contracts/control.ts';
import { DaemonError, type ErrorCode } from '../shared/errors/daemon-error.ts';
import { JsonFrames } from '../shared/platform/json-frames.ts';

export const DEFAULT_SOCKET = '/var/lib/daemon/control.sock';

/** The daemon could not be reached: it does not run, or is being started. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

const ANSWER_MS = 120_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const ADVICE: Record<string, string> = {
  ENOENT: 'does the daemon run, and is this its work_dir?',
  ECONNREFUSED: 'the daemon does not run',
  EACCES: 'only root and the daemon’s group may ask it',
};

/** Rejects with what the daemon answered as an error, with its code, or with an UnreachableError. */
export function ask<V extends ControlVerb>(
  path: string,
  verb: V,
  input: ControlVerbs[V]['input'],
): Promise<ControlVerbs[V]['output']> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    const fail = (why: string, cause?: unknown): void => {
      socket.destroy();
      reject(new UnreachableError(`the daemon at ${path} cannot be asked: ${why}`, { cause }));
    };
    socket.setTimeout(ANSWER_MS, () => fail(`it has not answered for ${ANSWER_MS / 1000} s`));
    socket.once('error', (error: NodeJS.ErrnoException) => fail(ADVICE[error.code ?? ''] ?? error.message, error));
    socket.once('close', () => fail('it ended the connection'));
    socket.once('connect', () => socket.write(`${JSON.stringify({ verb, input })}\n`));
    const frames = new JsonFrames(MAX_ANSWER_BYTES);
    socket.on('data', (chunk: Buffer) => {
      let answer: ControlAnswer<V> | undefined;
      try {
        [answer] = frames.push(chunk) as ControlAnswer<V>[];
      } catch (error) {
        fail('what it answers is not to be understood', error);
      }
      if (!answer) return;
      socket.destroy();
      if ('error' in answer) reject(new DaemonError(answer.error.code as ErrorCode, answer.error.message));
      else resolve(answer.result);
    });
  });
}
