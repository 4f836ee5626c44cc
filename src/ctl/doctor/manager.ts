/** Whether each Manager can be reached from here, and whether the clocks agree as far as that can be known. */
import type { SecureContext } from 'node:tls';
import type { Config } from '../../shared/config/schema.ts';
import type { LinkView } from '../../shared/contracts/control.ts';
import { describe } from '../../shared/errors/daemon-error.ts';
import { codeOf } from '../../shared/errors/error-code.ts';
import { chooseProxy, type HttpProxy } from '../../shared/platform/proxy-choice.ts';
import { readTlsFiles, tls13Context } from '../../shared/platform/tls-files.ts';
import { isTlsVerdict } from '../../shared/platform/tls-verdict.ts';
import { isoTime, spanInWords } from '../../shared/platform/validity.ts';
import type { DaemonEnvironment } from './daemon-process.ts';
import { type Finding, Findings } from './finding.ts';
import { type Probe, probe, SILENT } from './probe.ts';

const NOTABLE_SKEW_MS = 5000;
const HARMFUL_SKEW_MS = 5 * 60_000;
const CLOCK_TOOLS = 'timedatectl, chronyc tracking';
const CLOCK_CODES = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

const TCP_ADVICE: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: is the port right, does the Manager run?',
  ENOTFOUND: 'the name cannot be resolved: see manager.address and manager.proxy',
  EAI_AGAIN: 'the name server does not answer',
  [SILENT]: 'no answer: see firewalls on the way',
};
const WHOSE_PROXY = "see manager.proxy, and HTTPS_PROXY in the daemon's environment";
const PROXY_TCP_ADVICE: Record<string, string> = {
  ECONNREFUSED: `no proxy listens there: does it run, is its port right? ${WHOSE_PROXY}`,
  ENOTFOUND: `the name of the proxy cannot be resolved: ${WHOSE_PROXY}`,
  EAI_AGAIN: "the name server does not answer for the proxy's name",
  [SILENT]: `the proxy does not answer: see firewalls before it; ${WHOSE_PROXY}`,
};
const TUNNEL_ADVICE: Record<string, string> = {
  PROXY_AUTH: 'put USER:PASSWORD@ before its host: see manager.proxy',
  PROXY_REFUSED: 'is it an HTTP proxy that allows CONNECT to this port? manager.proxy: none goes straight',
  [SILENT]: 'the proxy takes connections and does not answer: see its log, and whether it reaches the Manager',
};
/** Of a proxy that would and cannot. */
const GATEWAY_FAILED = /"HTTP\/1\.[01] 50[234]\b/;
const GATEWAY_ADVICE =
  'the proxy cannot reach the Manager: does the Manager run, is manager.address right as seen from the proxy? see its log';

function tunnelAdvice(error: unknown): string {
  if (GATEWAY_FAILED.test(describe(error))) return GATEWAY_ADVICE;
  return TUNNEL_ADVICE[codeOf(error)] ?? 'see manager.proxy, and the log of the proxy';
}

function tlsAdvice(error: unknown): string {
  if (codeOf(error) === SILENT)
    return 'it takes connections and says nothing: is it the port of the Manager, is it overloaded?';
  return isTlsVerdict(error)
    ? 'docs/errors.md has the checks of D2001; `daemonctl link` says which one the daemon met'
    : 'does it speak TLS 1.3 there? see manager.tls';
}

/** What the probe of one address means. Pure. */
export function judgeProbe(address: string, found: Probe, plaintext: boolean): Finding[] {
  const findings = new Findings('manager');
  const { proxy, tcpError, tunnelError, tlsError, answerError } = found;
  if (tcpError !== null) {
    const advice = (proxy === '' ? TCP_ADVICE : PROXY_TCP_ADVICE)[codeOf(tcpError)] ?? 'see the network on the way';
    const whose = proxy === '' ? '' : ` to the proxy ${proxy}`;
    findings.failed(address, `no TCP connection${whose}: ${describe(tcpError)}`, advice);
    return findings.all;
  }
  if (tunnelError !== null) {
    const found = `the proxy ${proxy} lets nothing through: ${describe(tunnelError)}`;
    findings.failed(address, found, tunnelAdvice(tunnelError));
    return findings.all;
  }
  const connects = proxy === '' ? 'TCP connects' : `the proxy ${proxy} connects`;
  if (tlsError !== null) {
    findings.failed(address, `${connects}, no TLS: ${describe(tlsError)}`, tlsAdvice(tlsError));
    return findings.all;
  }
  const way = `${connects}, ${plaintext ? 'without TLS' : "TLS 1.3 with this host's certificate"}`;
  if (answerError === null) {
    findings.ok(address, `${way}, it answers`);
  } else if (plaintext) {
    findings.failed(
      address,
      `${way}, no HTTP/2: ${describe(answerError)}`,
      'most likely it wants TLS: see manager.tls',
    );
  } else if (isTlsVerdict(answerError)) {
    const advice = "most likely it does not take this host's certificate: have one issued by a CA that it knows";
    findings.failed(address, `${connects}, TLS 1.3, then: ${describe(answerError)}`, advice);
  } else {
    findings.warning(address, `${way}, then: ${describe(answerError)}`, 'see the log of the Manager');
  }
  return findings.all;
}

/** Pure. */
export function judgeClock(address: string, { tlsError, clock, validity }: Probe): Finding[] {
  const findings = new Findings('clock');
  if (clock) {
    const offMs = Math.round(clock.serverMs + 500 - clock.hereMs); // what it says is cut to the second
    const off = `this host's clock is ${spanInWords(Math.abs(offMs))} ${offMs > 0 ? 'behind' : 'ahead of'} the Manager's`;
    const advice = `let NTP set it (${CLOCK_TOOLS})`;
    if (Math.abs(offMs) < NOTABLE_SKEW_MS) findings.ok(address, "agrees with the Manager's clock");
    else if (Math.abs(offMs) < HARMFUL_SKEW_MS) findings.warning(address, off, advice);
    else findings.failed(address, off, advice);
  } else if (CLOCK_CODES.includes(codeOf(tlsError))) {
    const found = `the Manager's certificate is not valid by this host's clock: ${describe(tlsError)}`;
    findings.failed(address, found, 'set the clock right, or have the certificate renewed');
  } else if (validity) {
    const between = `${isoTime(validity.notBeforeMs)} and ${isoTime(validity.notAfterMs)}`;
    const found = `the Manager tells no time; its certificate shows only that it is between ${between}`;
    findings.unknown(address, found, `ask what sets this clock: ${CLOCK_TOOLS}`);
  } else {
    const advice = `mend the way to the Manager first, or ask what sets this clock: ${CLOCK_TOOLS}`;
    findings.unknown(address, 'nothing of the Manager that tells a time could be had', advice);
  }
  return findings.all;
}

interface Way {
  address: string;
  /** Null: straight. */
  proxy: HttpProxy | null;
  /** Whether the daemon may go through a proxy that is not known here. */
  doubtful: boolean;
}

const ANY_PROXY = { HTTPS_PROXY: 'http://proxy' };

/** Throws where the proxy that is named cannot be used. `env`: null where the daemon's is not known. */
function waysTo({ addresses, proxy }: Config['manager'], env: NodeJS.ProcessEnv | null): Way[] {
  return addresses.map((address) => ({
    address,
    proxy: chooseProxy(address, proxy, env ?? {}),
    doubtful: env === null && proxy === '' && chooseProxy(address, proxy, ANY_PROXY) !== null,
  }));
}

/** What fails on a way that may not be the daemon's does not fail for the daemon. */
function inDoubt(finding: Finding): Finding {
  if (finding.outcome === 'ok' || finding.outcome === 'unknown') return finding;
  const why = 'tried without a proxy; the daemon may go through one: its environment may not be read by this user';
  const advice = 'run doctor as root';
  return { ...finding, outcome: 'unknown', found: `${finding.found} (${why})`, advice };
}

function judge({ address, doubtful }: Way, found: Probe, plaintext: boolean): { manager: Finding[]; clock: Finding[] } {
  const [manager, clock] = [judgeProbe(address, found, plaintext), judgeClock(address, found)];
  if (!doubtful) return { manager, clock };
  return { manager: manager.map(inDoubt), clock: found.clock ? clock : clock.map(inDoubt) };
}

/** `link`: as the daemon sees it, null where it could not be asked. `environment`: where a proxy may be named. */
export async function examineManagers(
  { manager }: Config,
  link: Pick<LinkView, 'state' | 'reason'> | null,
  environment: DaemonEnvironment | null,
): Promise<Finding[]> {
  const findings = new Findings('manager');
  if (link && link.state === 'connected') findings.ok('link', 'the daemon is connected');
  else if (link)
    findings.failed(
      'link',
      `the daemon is ${link.state}${link.reason === '' ? '' : `: ${link.reason}`}`,
      'see the checks below, and `daemonctl link`',
    );
  const { tls } = manager;
  let context: SecureContext | null = null;
  if (!tls.off) {
    try {
      const contents = await readTlsFiles(tls);
      context = tls13Context(contents);
      contents.key.fill(0);
    } catch (error) {
      findings.unknown('manager.address', `is not tried: ${describe(error)}`, 'see the certificates');
      return findings.all;
    }
  }
  let ways: Way[];
  try {
    ways = waysTo(manager, environment?.variables ?? null);
  } catch (error) {
    findings.failed('manager.proxy', describe(error), 'see manager.proxy, and the environment of the daemon');
    return findings.all;
  }
  const [guessed] = environment?.of === 'own' && manager.proxy === '' ? ways.flatMap(({ proxy }) => proxy ?? []) : [];
  if (guessed) {
    const found = `the proxy ${guessed.address} is that of this program's own environment: no daemon runs to have another`;
    findings.unknown('manager.proxy', found, 'start the daemon and look again, or set manager.proxy');
  }
  const judged = await Promise.all(
    ways.map(async (way) => judge(way, await probe(way.address, context, way.proxy), tls.off)),
  );
  return [...findings.all, ...judged.flatMap((one) => one.manager), ...judged.flatMap(({ clock }) => clock)];
}
