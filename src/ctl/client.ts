/** One question to the daemon over its control socket, and its answer. */
import { connect } from 'node:net';
import type { ControlAnswer, ControlVerb, ControlVerbs } from '../shared/contracts/control.ts';
import { DaemonError, type ErrorCode } from '../shared/errors/daemon-error.ts';
import { JsonFrames } from '../shared/platform/json-frames.ts';
import { deepHarmless } from './text/harmless.ts';

/** The daemon could not be reached: it does not run, or is being started. */
export class UnreachableError extends Error {
  override readonly name = 'UnreachableError';
}

/** The daemon answered, with an error: its code is the daemon's. */
export class AnsweredError extends DaemonError {}

export interface AskOptions {
  /** For the whole answer. Default: two minutes. */
  timeoutMs?: number;
  /** Rejects with its reason. */
  signal?: AbortSignal;
}

const ANSWER_MS = 120_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

const ADVICE: Record<string, string> = {
  ENOENT: 'does the daemon run, and is this its work_dir?',
  ECONNREFUSED: 'the daemon does not run',
  EACCES: 'only root and the daemon’s group may ask it',
};

/** As it came: for programs. Rejects with an AnsweredError, or with an UnreachableError. */
export function ask<V extends ControlVerb>(
  path: string,
  verb: V,
  input: ControlVerbs[V]['input'],
  { timeoutMs = ANSWER_MS, signal }: AskOptions = {},
): Promise<ControlVerbs[V]['output']> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const socket = connect(path);
    const end = (settle: () => void): void => {
      clearTimeout(late);
      signal?.removeEventListener('abort', onAbort);
      socket.destroy();
      settle();
    };
    const fail = (why: string, cause?: unknown): void =>
      end(() => reject(new UnreachableError(`the daemon at ${path} cannot be asked: ${why}`, { cause })));
    const onAbort = (): void => end(() => reject(signal?.reason));
    signal?.addEventListener('abort', onAbort, { once: true });
    const late = setTimeout(() => fail(`it has not answered for ${timeoutMs / 1000} s`), timeoutMs);
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
      const given = answer;
      end(() => {
        if ('result' in given) resolve(given.result);
        else reject(new AnsweredError((given.error?.code ?? 'internal') as ErrorCode, String(given.error?.message)));
      });
    });
  });
}

/** The same for people: no control character of what was said can reach a terminal. */
export async function askShown<V extends ControlVerb>(
  path: string,
  verb: V,
  input: ControlVerbs[V]['input'],
  options: AskOptions = {},
): Promise<ControlVerbs[V]['output']> {
  return deepHarmless(await ask(path, verb, input, options));
}
