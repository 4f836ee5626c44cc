/**
 * Takes secrets out of a finished log line. Pure. The last line of defence: nothing is meant to log a key, a token
 * or a URL's credentials in the first place.
 */
const RULES: readonly [RegExp, string][] = [
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g, '[private key]'],
  [/([a-z][a-z0-9+.-]*:\/\/)[^\s/@"]+@/gi, '$1[credentials]@'],
  [
    /("[^"]*(?:password|passphrase|secret|token|authorization|api_?key|private_?key)[^"]*"\s*:\s*)"(?:[^"\\]|\\.)*"/gi,
    '$1"[secret]"',
  ],
  [/\b(password|passphrase|secret|token|api_?key)=[^\s&"\\]+/gi, '$1=[secret]'],
];

export function scrub(line: string): string {
  let clean = line;
  for (const [pattern, replacement] of RULES) clean = clean.replace(pattern, replacement);
  return clean;
}
