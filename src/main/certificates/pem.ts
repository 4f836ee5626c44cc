/** Takes the certificates out of a PEM file, in their order. What stands between them is not looked at. */
import { X509Certificate } from 'node:crypto';

const BEGIN = /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/g;

/** Which certificate of a file cannot be read, from 1 on. */
export class UnreadableCertificate extends Error {
  override readonly name = 'UnreadableCertificate';
  readonly position: number;

  constructor(position: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.position = position;
  }
}

/** None is an empty list; throws an UnreadableCertificate. */
export function certificatesIn(pem: Buffer): X509Certificate[] {
  const text = pem.toString('latin1');
  return [...text.matchAll(BEGIN)].map(({ 0: begin, index }, n) => {
    const end = begin.replace('BEGIN', 'END');
    const next = text.indexOf('-----BEGIN ', index + begin.length);
    const block = text.slice(index, next < 0 ? undefined : next);
    if (!block.includes(end)) throw new UnreadableCertificate(n + 1, 'it is cut off');
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new UnreadableCertificate(n + 1, 'it is no certificate', cause);
    }
  });
}
