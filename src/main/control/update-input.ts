/** Requests for updates as they come in over the control socket, checked for their form. Pure. */
import type { ControlVerbs } from '../../shared/contracts/control.ts';
import { type PackageSource, UPDATE_COMPONENTS, type UpdateRequest } from '../../shared/contracts/update.ts';
import { type Fields, flag, invalid, text } from './inputs.ts';

function sourceOf(fields: Fields): PackageSource {
  const source = fields['source'];
  if (typeof source !== 'object' || source === null) return invalid('source is not an object');
  const { kind, url, path } = source as Fields;
  if (kind === 'url' && typeof url === 'string') return { kind, url };
  // a file named here is somebody's own: it is copied, never taken
  if (kind === 'file' && typeof path === 'string' && path.startsWith('/')) return { kind, path, owned: false };
  return invalid('source is neither a url nor a file with an absolute path');
}

export function targetInput(input: object): Pick<UpdateRequest, 'component' | 'agentId'> {
  const fields = input as Fields;
  const component = UPDATE_COMPONENTS.find((known) => known === fields['component']);
  if (!component) return invalid(`component is none of ${UPDATE_COMPONENTS.join(', ')}`);
  return { component, agentId: text(fields, 'agentId') };
}

export function updateInput(input: ControlVerbs['update']['input']): UpdateRequest {
  const fields: Fields = { ...input };
  return {
    ...targetInput(input),
    version: text(fields, 'version'),
    source: sourceOf(fields),
    sha256: text(fields, 'sha256'),
    signature: text(fields, 'signature'),
    manifest: text(fields, 'manifest'),
    origin: 'local',
    allowDowngrade: flag(fields, 'allowDowngrade'),
    retry: flag(fields, 'retry'),
  };
}

export function rollbackInput(input: ControlVerbs['rollback']['input']): ControlVerbs['rollback']['input'] {
  return { ...targetInput(input), backup: text({ ...input }, 'backup') };
}
