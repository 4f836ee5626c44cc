/** Why a stream ended, and how loudly that is told. Pure. */
import { status } from '@grpc/grpc-js';

export interface StreamEnd {
  kind: /** The Manager does not have the service. */
    | 'unimplemented'
    /** With its connection, by plan or not: the link tells of that. */
    | 'with-connection'
    /** Only the stream: something that a person may want to know. */
    | 'by-itself'
    /** What the Manager did is against the protocol. */
    | 'fault';
  reason: string;
}

/** How grpc-js tells of a stream whose server closed its connection by plan. */
const CLOSED_BY_PLAN = /RST_STREAM with code 0\b/;

/** `code`: of gRPC, 0 where the Manager ended its side. */
export function streamEnd(code: number, details: string): StreamEnd {
  if (code === status.UNIMPLEMENTED) return { kind: 'unimplemented', reason: 'the Manager does not have the service' };
  const gone = code === status.UNAVAILABLE || (code === status.INTERNAL && CLOSED_BY_PLAN.test(details));
  if (gone) return { kind: 'with-connection', reason: details };
  if (code === status.OK) return { kind: 'by-itself', reason: 'the Manager ended it' };
  return { kind: 'by-itself', reason: `${status[code] ?? code}: ${details}` };
}

export function fault(reason: string): StreamEnd {
  return { kind: 'fault', reason };
}
