import { status } from '@grpc/grpc-js';
import { expect, test } from 'vitest';
import { streamEnd } from '../../../../../src/main/link/stream/stream-end.ts';

test.each([
  [status.UNIMPLEMENTED, 'unknown service', 'unimplemented', 'the Manager does not have the service'],
  [status.UNAVAILABLE, 'Connection dropped', 'with-connection', 'Connection dropped'],
  [status.INTERNAL, 'Received RST_STREAM with code 0 (Call ended without gRPC status)', 'with-connection', undefined],
  [status.INTERNAL, 'Received RST_STREAM with code 2', 'by-itself', 'INTERNAL: Received RST_STREAM with code 2'],
  [status.OK, '', 'by-itself', 'the Manager ended it'],
  [status.ABORTED, 'gone', 'by-itself', 'ABORTED: gone'],
  [99, 'gone', 'by-itself', '99: gone'],
])('%i %s', (code, details, kind, reason = details) => {
  expect(streamEnd(code, details)).toEqual({ kind, reason });
});
