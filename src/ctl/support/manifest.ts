/** What a bundle says of itself: what is in it, what could not be had, and what was taken out. Pure. */
import { counted, time } from '../text/words.ts';

export interface Contents {
  hostName: string;
  /** Unix milliseconds. */
  madeMs: number;
  version: string;
  present: readonly { name: string; bytes: number; removed: number }[];
  missing: readonly { name: string; why: string }[];
  /** By kind. */
  removed: ReadonlyMap<string, number>;
  /** Whether the configuration could be read, so that its secrets are known word by word. */
  secretsKnown: boolean;
}

export function renderManifest({
  hostName,
  madeMs,
  version,
  present,
  missing,
  removed,
  secretsKnown,
}: Contents): string {
  const names = [...present, ...missing].map(({ name }) => name.length);
  const longest = Math.max(0, ...names);
  const known = secretsKnown
    ? "values of agents' environments and arguments that may be secret, wherever they occur"
    : 'NOT by their values: the configuration could not be read, so that only what looks like a secret was removed';
  return [
    `Support bundle of ${hostName}, made ${time(madeMs)} by daemonctl ${version}.`,
    '',
    'In it',
    ...present.map(({ name, bytes, removed: count }) => {
      const note = count > 0 ? `, ${counted(count, 'secret')} removed` : '';
      return `  ${name.padEnd(longest)}  ${bytes} bytes${note}`;
    }),
    '',
    'Not to be had',
    ...(missing.length === 0 ? ['  nothing'] : missing.map(({ name, why }) => `  ${name.padEnd(longest)}  ${why}`)),
    '',
    'Removed',
    ...[...removed].map(([kind, count]) => `  ${kind}: ${count}`),
    ...(removed.size === 0 ? ['  nothing that was found'] : []),
    '',
    'How',
    '  by form: private keys, credentials in URLs, Authorization and Cookie headers, tokens, values whose names say so',
    `  by value: ${known}`,
    "  never in it: private keys, passphrases, values of agents' environments, command lines and environments of",
    '  processes',
    '',
  ].join('\n');
}
