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
import { type Finding, Findings } from './finding.ts';
import { type Probe, probe } from './probe.ts';

const NOTABLE_SKEW_MS = 5000;
const HARMFUL_SKEW_MS = 5 * 60_000;
const CLOCK_CODES = ['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'];

const TCP_ADVICE: Record<string, string> = {
  ECONNREFUSED: 'nothing listens there: is the port right, does the Manager run?',
  ENOTFOUND: 'the name cannot be resolved: see manager.address and manager.proxy',
  EAI_AGAIN: 'the name server does not answer',
  ABORT_ERR: 'no answer: see firewalls on the way',
};
const TUNNEL_ADVICE: Record<string, string> = {
  PROXY_AUTH: 'put USER:PASSWORD@ before its host: see manager.proxy',
  PROXY_REFUSED: 'is it an HTTP proxy that allows CONNECT to this port? manager.proxy: none goes straight',
};

/** What the probe of one address means. Pure. */
export function judgeProbe(address: string, found: Probe, plaintext: boolean): Finding[] {
  const findings = new Findings('manager');
  const { proxy, tcpError, tunnelError, tlsError, answerError } = found;
  if (tcpError !== null) {
    const advice = TCP_ADVICE[codeOf(tcpError)] ?? 'see the network on the way';
    const whose = proxy === '' ? '' : ` to the proxy ${proxy}`;
    findings.failed(address, `no TCP connection${whose}: ${describe(tcpError)}`, advice);
    return findings.all;
  }
  if (tunnelError !== null) {
    const advice = TUNNEL_ADVICE[codeOf(tunnelError)] ?? 'see manager.proxy, and the log of the proxy';
    findings.failed(address, `the proxy ${proxy} lets nothing through: ${describe(tunnelError)}`, advice);
    return findings.all;
  }
  const connects = proxy === '' ? 'TCP connects' : `the proxy ${proxy} connects`;
  if (tlsError !== null) {
    const advice = isTlsVerdict(tlsError)
      ? 'docs/errors.md has the checks of D2001; `daemonctl link` says which one the daemon met'
      : 'does it speak TLS 1.3 there? see manager.tls';
    findings.failed(address, `${connects}, no TLS: ${describe(tlsError)}`, advice);
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
    const advice = 'let NTP set it (timedatectl, chronyc tracking)';
    if (Math.abs(offMs) < NOTABLE_SKEW_MS) findings.ok(address, "agrees with the Manager's clock");
    else if (Math.abs(offMs) < HARMFUL_SKEW_MS) findings.warning(address, off, advice);
    else findings.failed(address, off, advice);
  } else if (CLOCK_CODES.includes(codeOf(tlsError))) {
    const found = `the Manager's certificate is not valid by this host's clock: ${describe(tlsError)}`;
    findings.failed(address, found, 'set the clock right, or have the certificate renewed');
  } else if (validity) {
    const between = `${isoTime(validity.notBeforeMs)} and ${isoTime(validity.notAfterMs)}`;
    findings.unknown(address, `the Manager tells no time; its certificate shows only that it is between ${between}`);
  } else {
    findings.unknown(address, 'nothing of the Manager that tells a time could be had');
  }
  return findings.all;
}

/** `link`: as the daemon sees it, null where it could not be asked. `env`: the daemon's, where a proxy may be named. */
export async function examineManagers(
  { manager }: Config,
  link: Pick<LinkView, 'state' | 'reason'> | null,
  env: NodeJS.ProcessEnv,
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
  let ways: (readonly [address: string, proxy: HttpProxy | null])[];
  try {
    ways = manager.addresses.map((address) => [address, chooseProxy(address, manager.proxy, env)] as const);
  } catch (error) {
    findings.failed('manager.proxy', describe(error), 'see manager.proxy, and the environment of the daemon');
    return findings.all;
  }
  const probes = await Promise.all(
    ways.map(async ([address, proxy]) => [address, await probe(address, context, proxy)] as const),
  );
  const judged = probes.flatMap(([address, found]) => judgeProbe(address, found, tls.off));
  return [...findings.all, ...judged, ...probes.flatMap(([address, found]) => judgeClock(address, found))];
}
