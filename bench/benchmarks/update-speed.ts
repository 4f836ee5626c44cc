/**
 * How fast a package is verified, beside the openssl program on the same cached file: ours and openssl's in turn, so
 * that what drifts meets both. Ours is from the call to the answer of a thread that is there, openssl's from its start
 * to its end.
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { withScope } from '../bounded.ts';
import type { BenchContext } from '../report.ts';
import { type Summary, summarise } from '../statistics.ts';
import { verifier } from '../verify.ts';
import type { BenchPackage } from './update-package.ts';

export interface Pair {
  ours: Summary;
  openssl: Summary;
}

export interface Speed {
  /** Of openssl: `OpenSSL 3.0.19 27 Jan 2026`. */
  version: string;
  /** SHA-256 alone. */
  hash: Pair;
  /** Hash and signature: ours in one read, openssl's one after the other. */
  signature: Pair;
}

type Act = () => Promise<void>;

async function openssl(args: readonly string[], signal: AbortSignal): Promise<string> {
  const { stdout } = await promisify(execFile)('openssl', args, { signal });
  return stdout.trim();
}

/** Null where there is no such program. */
async function opensslVersion(signal: AbortSignal): Promise<string | null> {
  try {
    return /^[^(]*/.exec(await openssl(['version'], signal))?.[0].trim() ?? '';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

function actsOfOpenssl({ signed, signatureFile }: BenchPackage, signal: AbortSignal): { hash: Act; signature: Act } {
  const { path, sha256, publicKeyFile } = signed;
  const digest = ['dgst', '-sha256'];
  const hash = async (): Promise<void> => {
    const said = await openssl([...digest, path], signal);
    if (!said.endsWith(sha256)) throw new Error(`openssl hashed something else: ${said}`);
  };
  const signature = async (): Promise<void> => {
    await hash();
    // one that does not fit is an exit code, which rejects
    await openssl([...digest, '-verify', publicKeyFile, '-signature', signatureFile, path], signal);
  };
  return { hash, signature };
}

async function timed(act: Act): Promise<number> {
  const startedMs = performance.now();
  await act();
  return performance.now() - startedMs;
}

/** Null where there is no openssl to compare with. */
export function measureSpeed({ bundles, settings, signal }: BenchContext, pack: BenchPackage): Promise<Speed | null> {
  return withScope(async (scope) => {
    const version = await opensslVersion(signal);
    if (version === null) return null;
    const { verify } = await verifier(scope, bundles, signal);
    const theirs = actsOfOpenssl(pack, signal);
    const acts: Act[] = [
      async () => void (await verify({ ...pack.signed, signature: '' })),
      theirs.hash,
      async () => void (await verify(pack.signed)),
      theirs.signature,
    ];
    for (const act of acts) await act(); // starts the thread, and brings the file into the cache
    const took = acts.map((): number[] => []);
    for (let round = 0; round < settings.update.rounds; round++) {
      for (const [at, act] of acts.entries()) took[at]?.push(await timed(act));
    }
    const [hash, opensslHash, signature, opensslSignature] = took.map(summarise);
    if (!hash || !opensslHash || !signature || !opensslSignature) throw new Error('four things were to be measured');
    return {
      version,
      hash: { ours: hash, openssl: opensslHash },
      signature: { ours: signature, openssl: opensslSignature },
    };
  });
}
