/** Parts of `HOST:PORT` and `[HOST]:PORT`. Pure. */
export function hostOf(address: string): string {
  return address.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}
