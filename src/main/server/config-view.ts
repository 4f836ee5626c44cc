/**
 * GetConfig: the daemon's effective configuration, or an agent's own configuration file. Never more than 1 MiB, never a
 * secret that is known by its name or form: line by line in a file whose form nobody knows here.
 */
import { open } from 'node:fs/promises';
import { describe } from '../../shared/errors/daemon-error.ts';
import type { ConfigResponse } from '../../shared/gen/daemon.ts';
import { isSecretName, SECRET, scrub } from '../../shared/secrets/rules.ts';

export const MAX_CONFIG_BYTES = 1024 * 1024;

/** `key: value`, `key = value`, `"key": "value"`, and the same behind a blank, a dash or `export`. */
const LINE = /^([ \t]*(?:-[ \t]*|export[ \t]+)?["']?([\w.-]{1,128})["']?[ \t]*[:=][ \t]*)(\S.*)$/;
/** YAML: the value is the lines below that are set in further. */
const BLOCK = /^[|>][-+\d]*(?:\s|$)/;

/** Values that their keys give away, to the end of the line, whatever is in them. */
function withoutSecretLines(text: string): string {
  const kept: string[] = [];
  let block = Number.POSITIVE_INFINITY;
  for (const line of text.split('\n')) {
    const indent = line.search(/\S/);
    if (indent === -1 || indent > block) {
      if (block === Number.POSITIVE_INFINITY) kept.push(line);
      continue;
    }
    block = Number.POSITIVE_INFINITY;
    const [, before = '', name = '', value = ''] = LINE.exec(line) ?? [];
    const secret = isSecretName(name);
    kept.push(secret ? `${before}"${SECRET}"` : line);
    if (secret && BLOCK.test(value)) block = indent;
  }
  return kept.join('\n');
}

/** Pure. */
export function withoutSecrets(text: string): string {
  return scrub(withoutSecretLines(text));
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
