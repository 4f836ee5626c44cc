/**
 * The environment that measured processes start in: what a service manager gives, and no more. Pure. Variables such
 * as NODE_EXTRA_CA_CERTS, NODE_OPTIONS or SSL_CERT_FILE change what Node loads, and with it every figure.
 */
const KEPT = /^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR)$/;

/** The names to unset, sorted. */
export function unwantedVariables(environment: Readonly<Record<string, string | undefined>>): string[] {
  return Object.keys(environment)
    .filter((name) => !KEPT.test(name))
    .sort();
}
