/** The secrets of a configuration, word by word, and the configuration without them. Pure. */
import type { AgentConfig, Config } from '../../shared/config/schema.ts';
import { isSecretName, scrubArgs } from '../../shared/secrets/rules.ts';
import { REMOVED } from './scrubber.ts';

/** Shorter ones would be found in every other word. */
const SHORTEST_SECRET = 4;
const SHORTEST_VALUE = 8;
const CREDENTIALS = /:\/\/([^\s/"]+)@/g;
const ASSIGNMENT = /^(-{0,2}[\w.-]+)=(.*)$/s;

function* inUrls(text: string): Generator<string> {
  for (const [, credentials = ''] of text.matchAll(CREDENTIALS)) {
    const password = credentials.slice(credentials.indexOf(':') + 1);
    yield password;
    try {
      yield decodeURIComponent(password);
    } catch {
      // it is not encoded as a URL wants it: then it is found as it stands
    }
  }
}

function* inArgs(args: readonly string[]): Generator<string> {
  for (const [n, arg] of args.entries()) {
    yield* inUrls(arg);
    const [, name = '', value = ''] = ASSIGNMENT.exec(arg) ?? [];
    if (isSecretName(name)) yield value;
    if (n > 0 && isSecretName(args[n - 1] ?? '') && !(args[n - 1] ?? '').includes('=')) yield arg;
  }
}

/** What an agent is told that nobody else need know: anything but a path may be a secret under a plain name. */
function* inEnvironment(env: Readonly<Record<string, string>>): Generator<string> {
  for (const [name, value] of Object.entries(env)) {
    yield* inUrls(value);
    if (isSecretName(name) || (value.length >= SHORTEST_VALUE && !value.startsWith('/'))) yield value;
  }
}

function* inOptions(value: unknown, name = ''): Generator<string> {
  if (typeof value === 'string') {
    yield* inUrls(value);
    if (isSecretName(name)) yield value;
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) yield* inOptions(item, Array.isArray(value) ? name : key);
  }
}

function* inAgent({ env, args }: AgentConfig): Generator<string> {
  yield* inEnvironment(env);
  yield* inArgs(args ?? []);
}

export function knownSecrets(config: Config): string[] {
  const found = [
    ...config.agents.flatMap((agent) => [...inAgent(agent)]),
    ...inUrls(config.manager.proxy),
    ...inOptions(config.collectors.plugins),
  ];
  return [...new Set(found)].filter((secret) => secret.length >= SHORTEST_SECRET);
}

/** `effective`: in the file's own keys. Agents' environments keep their names only. */
export function withoutSecrets(effective: object): object {
  return cleaned(effective, '') as object;
}

function cleaned(value: unknown, key: string): unknown {
  if (Array.isArray(value)) {
    return key === 'args' ? scrubArgs(value.map(String), REMOVED) : value.map((item) => cleaned(item, ''));
  }
  if (typeof value !== 'object' || value === null) return isSecretName(key) ? REMOVED : value;
  const entries = Object.entries(value);
  return Object.fromEntries(entries.map(([name, item]) => [name, key === 'env' ? REMOVED : cleaned(item, name)]));
}
