/**
 * The environment that measured processes start in, the harness among them: what a service manager gives, and no more.
 * Variables such as NODE_EXTRA_CA_CERTS, NODE_OPTIONS, MALLOC_ARENA_MAX or SSL_CERT_FILE change what Node loads, most of
 * them before its first line of a program, and with it every figure.
 */
const KEPT = /^(PATH|HOME|USER|LOGNAME|LANG|LC_[A-Z]+|TZ|TMPDIR)$/;
/** As JSON, the environment that scripts/bench.mjs was started with. The harness starts with this variable alone. */
const HANDED_OVER = 'BENCH_ENVIRONMENT';

type Environment = Record<string, string | undefined>;

export interface Environments {
  /** For what is measured. */
  measured: Record<string, string>;
  /** All that was there before: npm needs it to reach a registry (proxies, certificates, its own settings). */
  whole: Environment;
}

function handedOver(text: string): Environment {
  let whole: unknown;
  try {
    whole = JSON.parse(text);
  } catch (cause) {
    throw new Error(`${HANDED_OVER} is not the JSON of an environment: run the benchmarks by npm run bench`, { cause });
  }
  if (typeof whole !== 'object' || whole === null || !Object.values(whole).every((value) => typeof value === 'string'))
    throw new Error(`${HANDED_OVER} is no object of texts: run the benchmarks by npm run bench`);
  return whole as Record<string, string>;
}

/** `own`: this process's. Where nothing was handed over, the harness was started by itself, and its own is the whole. */
export function environmentsOf(own: Readonly<Environment>): Environments {
  const text = own[HANDED_OVER];
  const whole = text === undefined ? { ...own } : handedOver(text);
  const kept = Object.entries(whole).filter((entry): entry is [string, string] => {
    return KEPT.test(entry[0]) && entry[1] !== undefined;
  });
  return { measured: Object.fromEntries(kept), whole };
}

/** From now on this process, and what it starts, has the clean one. Gives the other. */
export function cleanEnvironment(environment = process.env): Environment {
  const { measured, whole } = environmentsOf(environment);
  for (const name of Object.keys(environment)) delete environment[name];
  Object.assign(environment, measured);
  return whole;
}
