/**
 * What looks like a secret in a text, for whatever shows or hands on a text: the daemon's logs and events, what it shows
 * of a configuration, a support bundle. Rather too much than too little; what has been taken out is left as it is by the
 * next who looks. Pure. Each rule takes time in proportion to the text, whatever the text is: names are looked for by
 * their telling part, and what surrounds it is bounded or begins where nothing else can.
 */
type SecretKind = 'private keys' | 'credentials in URLs' | 'headers' | 'tokens by their form' | 'values by their names';

/** Gives what stands in the place of one that was found. */
type Mark = (kind: SecretKind) => string;

/** Part of a name whose value is nobody's business. */
const SECRET_WORD =
  'passw(?:or)?d|passphrase|pass(?![a-z])|pwd|secret|token|credential|authorization|' +
  '(?:api|access|account|auth|encryption|master|private|shared|signing)[-_]?key';
const SECRET_NAME = new RegExp(SECRET_WORD, 'i');
/** A path to a secret is none. */
const NAMES_A_FILE = /[-_](?:file|path|dir|FILE|PATH|DIR)$|(?:File|Path|Dir)$/;

const PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g;
/** Base64 lines above an end: what is left where a text begins in the middle of a key. */
const BEHEADED_KEY = /^[A-Za-z0-9+/=\\nr\s]*-----END [A-Z ]*PRIVATE KEY-----/;
/** Up to the last `@` before a slash: a password may have one that is not encoded. */
const CREDENTIALS = /(:\/\/)[^\s/"]+(?=@)/g;

/** Behind the `\n` of a JSON text, too. */
const WORD_BEGINS = String.raw`(?<=^|[^\w-]|\\[nrt])`;
const HEADER = /((?:authorization|cookie)\\*["']?\s*[:=]\s*\\*["']?)(?![[{\s]|null\b|true\b|false\b)[^"'\\\r\n]+/gi;
const SCHEME = new RegExp(String.raw`${WORD_BEGINS}((?:bearer|basic)\s+)[\w.~+/=-]{6,}`, 'gi');
const TOKEN = new RegExp(
  `${WORD_BEGINS}(?:${[
    String.raw`eyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*`,
    String.raw`(?:AKIA|ASIA)[0-9A-Z]{16}\b`,
    String.raw`gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[a-z]-[\w-]{10,}`,
  ].join('|')})`,
  'g',
);

/** What was taken out before. */
const MARKED = String.raw`(?!\\{0,7}["']?\[(?:secret|removed|credentials|private key)\])`;
const QUOTED = [
  String.raw`"[^"\\]*(?:\\[\s\S][^"\\]*)*"`,
  // in a JSON text within a text: it ends with as many backslashes as it began with
  String.raw`(?<escape>\\{1,7})"(?:[^"\\]|(?<!\\)(?!\k<escape>")\\+"?)*\k<escape>"`,
  // not beyond the end of a JSON text
  String.raw`'[^'"\\\r\n]*(?:(?:\\.|"(?![,:}\]]))[^'"\\\r\n]*)*'`,
  // not ended
  String.raw`\\{0,7}["'][^"'\\\r\n]*`,
].join('|');
/** Ends with a blank, a quote, a line of a JSON text, the next parameter of a URL. */
const BARE = String.raw`(?:[^\s"'\\&]|\\\\(?!["'])|\\(?![nrt"'\\]))+`;
/** On this line, or on the next where that is no other key's. */
const GAP = String.raw`[ \t]*(?:\r?\n[ \t]*(?![-#\s]|["']?[\w.-]{1,64}["']?[ \t]*[:=]))?`;

/** The quote ends a JSON text: `"enter the password:","n":1`. */
const NO_END = String.raw`(?!\\{0,7}["'](?:[,}\]]|$))`;

const NAMED = new RegExp(
  String.raw`(?<name>(?:${SECRET_WORD})[\w.-]{0,64})(?<gap>[ \t]*[:=]${GAP})` +
    `${MARKED}${NO_END}(?<value>${QUOTED}|${BARE})`,
  'gi',
);
/** `"password": …`: what has no quotes is a number, a word of JSON, or a list of texts. */
const NAMED_IN_QUOTES = new RegExp(
  String.raw`(?<name>(?:${SECRET_WORD})[\w.-]{0,64})(?<quote>\\{0,7}["'])(?<gap>\s*[:=]\s*)${MARKED}` +
    String.raw`(?<value>${QUOTED}|\[[^[\]{}]*\]|[^\s"'\\,[\]{}]+)`,
  'gi',
);
/** `--password x`, and `"--password","x"`; not `"--password","x":1`. */
const FLAG = new RegExp(
  String.raw`(?<=(?:^|[^\w-]|\\[nrt])-[\w-]{0,64})(?<name>(?:${SECRET_WORD})[\w-]{0,64})` +
    String.raw`(?<gap>[ \t]+${NO_END}|\\{0,7}["'],[ \t]*(?=\\{0,7}["'])(?!\\{0,7}["'][\w.-]{0,64}\\{0,7}["']\s*:))` +
    `(?!-)${MARKED}(?<value>${QUOTED}|${BARE})`,
  'gi',
);

type Groups = Partial<Record<'name' | 'gap' | 'quote' | 'value', string>>;

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !NAMES_A_FILE.test(name);
}

/** The text without what looks like a secret. */
export function takeOutSecrets(text: string, mark: Mark): string {
  const named = (whole: string, ...rest: unknown[]): string => {
    const { name = '', gap = '', quote = '', value = '' } = rest.at(-1) as Groups;
    if (NAMES_A_FILE.test(name)) return whole;
    // a number becomes a text, so that JSON stays JSON
    const around = /^\\*["']/.exec(value)?.[0] ?? quote;
    return name + quote + gap + around + mark('values by their names') + around;
  };
  const behind =
    (kind: SecretKind) =>
    (_: string, before: string): string =>
      before + mark(kind);
  const clean = text
    .replace(PRIVATE_KEY, () => mark('private keys'))
    .replace(BEHEADED_KEY, () => mark('private keys'))
    .replace(CREDENTIALS, behind('credentials in URLs'))
    // a header's value is more than the word behind its name
    .replace(HEADER, behind('headers'))
    .replace(SCHEME, behind('headers'))
    .replace(TOKEN, () => mark('tokens by their form'));
  // most lines of a log: what is never used is never compiled either
  if (!SECRET_NAME.test(clean)) return clean;
  return clean.replace(NAMED_IN_QUOTES, named).replace(NAMED, named).replace(FLAG, named);
}

const MARKS: Partial<Record<SecretKind, string>> = {
  'private keys': '[private key]',
  'credentials in URLs': '[credentials]',
};
export const SECRET = '[secret]';

/** As the daemon shows it. The last line of defence: nothing is meant to log a secret in the first place. */
export function scrub(text: string): string {
  return takeOutSecrets(text, (kind) => MARKS[kind] ?? SECRET);
}

const ASSIGNMENT = /^(-{0,2}[\w.-]+=)/;

/** A program's: what follows `--password`, all of `--token=…`, and what looks like a secret elsewhere. */
export function scrubArgs(args: readonly string[], hidden = SECRET): string[] {
  return args.map((arg, n) => {
    const before = args[n - 1] ?? '';
    if (isSecretName(before) && !before.includes('=')) return hidden;
    const [assigned = ''] = ASSIGNMENT.exec(arg) ?? [];
    return assigned !== '' && isSecretName(assigned.slice(0, -1)) ? assigned + hidden : scrub(arg);
  });
}
