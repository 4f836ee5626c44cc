/** The code of an error as the system, Node, OpenSSL or we gave it (`ENOENT`). Pure. Empty where it has none. */
export function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
