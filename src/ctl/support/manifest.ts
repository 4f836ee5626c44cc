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
  /** Why secrets are not known word by word; empty: they are. */
  valuesUnknown: string;
}

/** What knownSecrets() gives, in words. */
const BY_VALUE = [
  '  by value: wherever they stand, of 4 characters or more, what the configuration file holds now:',
  "    agents' env: where the name speaks of a secret; else of 8 characters or more that do not begin with /",
  "    agents' args and options of plugins: where the name speaks of a secret",
  '    passwords in URLs of these and of manager.proxy; the passphrase of the private key',
  '    not: shorter ones, paths and other arguments, what is encoded, what the file held before',
];

export function renderManifest({
  hostName,
  madeMs,
  version,
  present,
  missing,
  removed,
  valuesUnknown,
}: Contents): string {
  const names = [...present, ...missing].map(({ name }) => name.length);
  const longest = Math.max(0, ...names);
  const byValue = valuesUnknown === '' ? BY_VALUE : [`  NOT by their values: ${valuesUnknown}`];
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
    ...byValue,
    "  never gathered: private keys, passphrases, agents' environments, command lines and environments of processes",
    '',
  ].join('\n');
}
