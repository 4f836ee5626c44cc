/**
 * A method that daemons call, with the faults that are ordered for it: what is refused, held, lost or late is decided
 * here, so that no method knows of it.
 */
import type { handleUnaryCall, ServerUnaryCall, sendUnaryData } from '@grpc/grpc-js';
import type { ManagerMethod } from '../shared/contracts/manager-events.ts';
import type { Faults } from './faults.ts';

export interface GrpcFailure {
  code: number;
  details: string;
}

/** `refusal`: why the request is to be refused whatever it says, or null. */
export type Serve<Request, Response> = (request: Request, refusal: string | null) => Response | GrpcFailure;

/** `onAnswered`: told when an answer, or a refusal, has been given to gRPC. */
export function faultyUnary<Request, Response extends { success: boolean }>(
  faults: Faults,
  method: ManagerMethod,
  serve: Serve<Request, Response>,
  onAnswered: () => void,
): handleUnaryCall<Request, Response> {
  return (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>) => {
    const answer = (refusal: string | null): void => {
      const result = serve(call.request, refusal);
      if ('code' in result) callback(result);
      else callback(null, result);
      onAnswered();
    };
    const fault = faults.take(method);
    switch (fault?.kind) {
      case undefined:
        answer(null);
        break;
      case 'refuse':
        if (fault.status === undefined) answer(fault.message);
        else {
          serve(call.request, fault.message);
          callback({ code: fault.status, details: fault.message });
          onAnswered();
        }
        break;
      case 'lose':
        serve(call.request, null);
        break;
      case 'stall':
      case 'delay':
        faults.hold(method, {
          ...(fault.kind === 'delay' ? { forMs: fault.ms } : {}),
          onGivenUp: (givenUp) => call.once('cancelled', givenUp),
          serve: () => answer(null),
        });
        break;
    }
  };
}
