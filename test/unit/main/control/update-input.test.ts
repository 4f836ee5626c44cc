import { describe, expect, test } from 'vitest';
import { rollbackInput, targetInput, updateInput } from '../../../../src/main/control/update-input.ts';

const SAID = {
  component: 'agent',
  agentId: 'one',
  version: '1.2.3',
  source: { kind: 'url', url: 'https://manager/p' },
  sha256: 'aa',
  signature: 'bb',
  manifest: '{}',
  allowDowngrade: true,
  retry: true,
} as const;
const said = (over: object): typeof SAID => ({ ...SAID, ...over });

describe('an update', () => {
  test('as it is said; whoever says it is on this host', () => {
    expect(updateInput(SAID)).toEqual({ ...SAID, origin: 'local' });
    expect(updateInput(said({ origin: 'manager' }))).toMatchObject({ origin: 'local' });
  });

  test('what is not said is empty', () => {
    const { component, source } = SAID;
    expect(updateInput({ component, source } as never)).toEqual({
      ...{ component, source, agentId: '', version: '', sha256: '', signature: '', manifest: '' },
      ...{ origin: 'local', allowDowngrade: false, retry: false },
    });
  });

  test('a file named here is somebody’s own, whatever is said', () => {
    const { source } = updateInput(said({ source: { kind: 'file', path: '/p', owned: true } }));
    expect(source).toEqual({ kind: 'file', path: '/p', owned: false });
  });

  test.each<[object, string]>([
    [{ component: 'manager' }, 'component is none of daemon, agent'],
    [{ component: undefined }, 'component is none of'],
    ...['agentId', 'version', 'sha256', 'signature', 'manifest'].map((name): [object, string] => [
      { [name]: 7 },
      `${name} is not a text`,
    ]),
    [{ allowDowngrade: 'yes' }, 'allowDowngrade is not true or false'],
    [{ retry: 1 }, 'retry is not true or false'],
    [{ source: undefined }, 'source is not an object'],
    [{ source: null }, 'source is not an object'],
    [{ source: 'https://manager/p' }, 'source is not an object'],
    ...[
      { kind: 'url' },
      { kind: 'url', url: 7 },
      { kind: 'file', path: 'p' },
      { kind: 'file' },
      { kind: 'ftp', url: 'x' },
    ].map((source): [object, string] => [{ source }, 'source is neither a url nor a file with an absolute path']),
  ])('%j is refused', (over, why) => expect(() => updateInput(said(over))).toThrow(why));
});

test('a target', () => {
  expect(targetInput({ component: 'daemon' })).toEqual({ component: 'daemon', agentId: '' });
  expect(() => targetInput({})).toThrow('component is none of');
});

test('a rollback', () => {
  const target = { component: 'agent', agentId: 'one' } as const;
  expect(rollbackInput({ ...target, backup: 'x.bak' })).toEqual({ ...target, backup: 'x.bak' });
  expect(rollbackInput(target as never)).toEqual({ ...target, backup: '' });
  expect(() => rollbackInput({ ...target, backup: 7 } as never)).toThrow('backup is not a text');
});
