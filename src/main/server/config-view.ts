/**
 * GetConfig: the daemon's effective configuration, or an agent's own configuration file. Never more than 1 MiB, never a
 * secret: values whose key speaks of one are replaced, line by line in a file whose form nobody knows here.
 */
import { open } from 'node:fs/promises';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { ConfigResponse } from '../../shared/gen/daemon.ts';

export const MAX_CONFIG_BYTES = 1024 * 1024;

/** `key: value`, `key = value`, `"key": "value"`, and the same behind a blank or a dash. */
const SECRET_LINE =
  /^(\s*(?:-\s*)?["']?[\w.-]*(?:password|passphrase|passwd|secret|token|credential|api[_-]?key|private[_-]?key|authorization)[\w.-]*["']?\s*[:=]\s*)(?!\s*$).+$/gim;
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']+@/gi;
const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;

/** Pure. */
export function withoutSecrets(text: string): string {
  return text
    .replace(PRIVATE_KEY, '[private key]')
    .replace(SECRET_LINE, '$1"[secret]"')
    .replace(CREDENTIALS, '$1[credentials]@');
}

function answer(text: string): ConfigResponse {
  const configData = Buffer.from(text);
  if (configData.length > MAX_CONFIG_BYTES) return refusal(`it has more than ${MAX_CONFIG_BYTES} bytes`);
  return { success: true, message: '', configData };
}

function refusal(why: string): ConfigResponse {
  return { success: false, message: `the configuration cannot be shown: ${why}`, configData: Buffer.alloc(0) };
}

export function daemonConfig(effective: object): ConfigResponse {
  return answer(`${JSON.stringify(effective, null, 2)}\n`);
}

/** `path` is what this daemon's own configuration says: nobody asks for a file by its name. */
export async function agentConfig(agentId: string, path: string): Promise<ConfigResponse> {
  if (path === '') return refusal(`agent ${agentId} has no config_file`);
  try {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      if (size > MAX_CONFIG_BYTES) return refusal(`${path} has more than ${MAX_CONFIG_BYTES} bytes`);
      return answer(withoutSecrets(await file.readFile('utf8')));
    } finally {
      await file.close();
    }
  } catch (error) {
    return refusal(describe(error));
  }
}
