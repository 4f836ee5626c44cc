import { describe, expect, test } from 'vitest';
import { asDaemonError, DaemonError, describe as describeError } from '../../../../src/shared/errors/daemon-error.ts';
import { fromWire, toWire } from '../../../../src/shared/errors/wire.ts';

describe('errors across threads', () => {
  test('code, retryability, message and the chain of causes survive a structured clone', () => {
    const root = Object.assign(new Error('no such file'), { code: 'ENOENT' });
    const error = new DaemonError('D5001', 'collector x failed', {
      cause: new Error('reading', { cause: root }),
      retryable: true,
    });
    const back = fromWire(structuredClone(toWire(error)));
    expect(back).toBeInstanceOf(DaemonError);
    expect(back).toMatchObject({ code: 'D5001', retryable: true, message: 'collector x failed' });
    expect(back.cause).toMatchObject({ message: 'reading', cause: { message: 'no such file', code: 'ENOENT' } });
    expect(describeError(back)).toBe('collector x failed: reading: no such file');
  });

  test('an unknown error becomes one labelled internal, with itself as the cause', () => {
    const back = fromWire(toWire('thrown text'));
    expect(back).toMatchObject({ code: 'internal', cause: { message: 'thrown text' } });
  });

  test('a chain that never ends is cut', () => {
    const loop = new Error('loop');
    loop.cause = loop;
    expect(describeError(loop).split(': ')).toHaveLength(8);
    expect(fromWire(toWire(loop)).code).toBe('internal');
  });
});

test('asDaemonError keeps ours and labels the rest', () => {
  const ours = new DaemonError('D3001', 'x');
  expect(asDaemonError(ours, 'doing')).toBe(ours);
  expect(asDaemonError(new Error('y'), 'doing')).toMatchObject({ code: 'internal', message: 'doing' });
});
