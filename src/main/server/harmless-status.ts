/**
 * The last look at what leaves the port: no status and no words on which the existing Manager stops calling every node,
 * whoever wrote them, grpc-js itself included (a deadline that has passed, a request that cannot be read, a method that
 * is not here).
 */
import { type Server, ServerInterceptingCall, type ServerInterceptor, status } from '@grpc/grpc-js';
import { wireWords } from './wire-words.ts';

const FORBIDDEN: readonly number[] = [status.UNAVAILABLE, status.DEADLINE_EXCEEDED];

/** The innermost one, so that what grpc-js sends by itself comes by here too. */
export const harmlessStatus: ServerInterceptor = (_, call) => {
  const send = call.sendStatus.bind(call);
  call.sendStatus = ({ code, details, ...sent }) => {
    send({ ...sent, code: FORBIDDEN.includes(code) ? status.INTERNAL : code, details: wireWords(details) });
  };
  return new ServerInterceptingCall(call);
};

/**
 * A method that is not here grpc-js refuses before any interceptor hears of it, and repeats its name in the caller's own
 * words. The method that does so is not public: grpc-js is pinned, and a test holds this.
 */
export function withoutEcho(server: Server): Server {
  const respond: unknown = Reflect.get(server, '_respondWithError');
  if (typeof respond !== 'function') return server;
  Reflect.set(server, '_respondWithError', (error: object, ...others: unknown[]) =>
    Reflect.apply(respond, server, [{ ...error, details: 'there is no such method here' }, ...others]),
  );
  return server;
}
