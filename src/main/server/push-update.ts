/**
 * PushUpdate: from what the Manager sends to a request for an update. Bytes that come inline are put into a file of the
 * update's own. What is malformed is refused by a status; a package that is refused is `success: false` with its code.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { status } from '@grpc/grpc-js';
import {
  INLINE_PREFIX,
  type PackageSource,
  UPDATE_COMPONENTS,
  type UpdateRequest,
} from '../../shared/contracts/update.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { UpdateResponse, UpdateRequest as WireRequest } from '../../shared/gen/daemon.ts';
import { StatusError } from './status-error.ts';

export interface PushUpdateOptions {
  agentIds(): string[];
  downloadDir(): string;
  request(request: UpdateRequest): Promise<{ state: 'begun' | 'under-way' | 'done'; message: string }>;
}

function invalid(message: string): never {
  throw new StatusError(status.INVALID_ARGUMENT, message);
}

/** Which agent is meant: the one that is named, or the only one there is. Throws a StatusError. Pure. */
export function agentOf(component: UpdateRequest['component'], agentId: string, agentIds: readonly string[]): string {
  if (component === 'daemon')
    return agentId === '' ? '' : invalid('agent_id is given, but the component is the daemon');
  const [only, another] = agentIds;
  if (agentId === '') {
    if (only === undefined || another !== undefined) invalid(`agent_id is needed: there are ${agentIds.length} agents`);
    return only;
  }
  if (!agentIds.includes(agentId)) throw new StatusError(status.NOT_FOUND, `there is no agent ${agentId}`);
  return agentId;
}

export async function pushUpdate(wire: WireRequest, options: PushUpdateOptions): Promise<UpdateResponse> {
  const { agentIds, downloadDir, request } = options;
  const component = UPDATE_COMPONENTS.find((known) => known === wire.component);
  if (!component) invalid(`component is none of ${UPDATE_COMPONENTS.join(', ')}`);
  const agentId = agentOf(component, wire.agentId, agentIds());
  const inline = wire.updateData.length > 0;
  if (inline === (wire.downloadUrl !== '')) invalid('give the package as either download_url or update_data');
  const source: PackageSource = inline
    ? { kind: 'file', path: await keepInline(downloadDir(), wire.updateData), owned: true }
    : { kind: 'url', url: wire.downloadUrl };
  const { version, hash: sha256, signature, manifest, retry } = wire;
  const asked = { component, agentId, version, source, sha256, signature, manifest, retry };
  let begun = false;
  try {
    const { state, message } = await request({ ...asked, origin: 'manager', allowDowngrade: false });
    begun = state === 'begun'; // then the file is the update's
    return { success: true, message };
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? `${String(error.code)} ` : '';
    return { success: false, message: `${code}${describe(error)}` };
  } finally {
    if (source.kind === 'file' && !begun) await rm(source.path, { force: true });
  }
}

async function keepInline(folder: string, data: Buffer): Promise<string> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const path = join(folder, `${INLINE_PREFIX}${process.pid}-${randomBytes(8).toString('hex')}`);
  await writeFile(path, data, { mode: 0o600, flag: 'wx' });
  return path;
}
