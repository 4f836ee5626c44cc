/**
 * Takes secrets out of texts that leave this host: those that are known word by word, and whatever looks like one.
 * Rather too much than too little. Counts what it removes, by kind. Acts on nothing but its own counts.
 */
export const REMOVED = '[removed]';

/** Part of a name whose value is nobody's business. */
const SECRET_WORD =
  'passw(?:or)?d|passphrase|secret|token|credential|api[-_]?key|access[-_]?key|private[-_]?key|auth[-_]?key|pwd';
const SECRET_NAME = new RegExp(SECRET_WORD, 'i');
/** A path to a secret is none. */
const NAMES_A_FILE = /[-_](?:file|path|dir|FILE|PATH|DIR)$|(?:File|Path|Dir)$/;
/** Base64 lines above an end: what is left where a log begins in the middle of a key. */
const BEHEADED_KEY = /^[A-Za-z0-9+/=\\nr\s]*-----END [A-Z ]*PRIVATE KEY-----/;

type Replace = (substring: string, ...groups: string[]) => string;

const VALUE = String.raw`"(?:\\.|[^"\\])*"|'[^']*'|\\+"[\s\S]*?\\+"|[^\s"'\\,;&})\]]+`;

/** In this order: a header's value is more than the word behind its name. */
const RULES: readonly [kind: string, pattern: RegExp, replace: string | Replace][] = [
  ['private keys', /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, REMOVED],
  ['private keys', BEHEADED_KEY, REMOVED],
  ['credentials in URLs', /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/@"']{1,2048}@/gi, `$1${REMOVED}@`],
  ['headers', /\b((?:proxy-)?authorization\\*["']?\s*[:=]\s*\\*["']?)[^"'\\\r\n]+/gi, `$1${REMOVED}`],
  ['headers', /\b((?:set-)?cookie\\*["']?\s*[:=]\s*\\*["']?)[^"'\\\r\n]+/gi, `$1${REMOVED}`],
  ['headers', /\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}/gi, `$1 ${REMOVED}`],
  ['tokens by their form', /\beyJ[\w-]{6,}\.[\w-]{6,}\.[\w-]*/g, REMOVED],
  ['tokens by their form', /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/g, REMOVED],
  ['tokens by their form', /\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[a-z]-[\w-]{10,})/g, REMOVED],
  [
    'values by their names',
    new RegExp(String.raw`([\w.-]{0,64}(?:${SECRET_WORD})[\w.-]{0,64})(\\*["']?\s*[:=]\s*)(${VALUE})`, 'gi'),
    (whole, name = '', between = '', value = '') => {
      if (NAMES_A_FILE.test(name)) return whole;
      const quote = /^(?:\\+")|^["']/.exec(value)?.[0] ?? '';
      return `${name}${between}${quote}${REMOVED}${quote}`;
    },
  ],
  [
    'values by their names',
    new RegExp(String.raw`(--?[\w-]{0,64}(?:${SECRET_WORD})[\w-]{0,64})([ \t]+)(?!-)(${VALUE})`, 'gi'),
    (whole, name = '', between = '') => (NAMES_A_FILE.test(name) ? whole : `${name}${between}${REMOVED}`),
  ],
];

/** As it stands in JSON and in URLs, too. */
function spellings(secret: string): string[] {
  return [...new Set([secret, JSON.stringify(secret).slice(1, -1), encodeURIComponent(secret)])];
}

export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !NAMES_A_FILE.test(name);
}

export class Scrubber {
  /** By kind. */
  readonly counts = new Map<string, number>();
  readonly #known: readonly string[];

  /** `known`: secrets word by word. */
  constructor(known: Iterable<string>) {
    // a secret that is part of another goes after it
    this.#known = [...new Set([...known].flatMap(spellings))].sort((a, b) => b.length - a.length);
  }

  get total(): number {
    return [...this.counts.values()].reduce((sum, count) => sum + count, 0);
  }

  scrub(text: string): string {
    let clean = text;
    for (const secret of this.#known) {
      const parts = clean.split(secret);
      if (parts.length > 1) this.#count('values of the configuration', parts.length - 1);
      clean = parts.join(REMOVED);
    }
    for (const [kind, pattern, replace] of RULES) {
      clean = clean.replace(pattern, (whole: string, ...rest: unknown[]) => {
        const groups = rest.map(String);
        const next =
          typeof replace === 'string' ? replace.replace('$1', () => groups[0] ?? '') : replace(whole, ...groups);
        if (next !== whole) this.#count(kind, 1);
        return next;
      });
    }
    return clean;
  }

  #count(kind: string, times: number): void {
    this.counts.set(kind, (this.counts.get(kind) ?? 0) + times);
  }
}
