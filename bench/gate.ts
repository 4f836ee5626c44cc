/**
 * The budget as a gate: the limits of each figure by the major version of Node that ran it, which of them were not
 * kept, and which figures were not there to be judged. Pure. Beside them it holds the design document's targets (8.3).
 * The majors that releases are made for decide about the exit code; others are judged by the limits of Node 24 and only
 * told. So are, on kernels without asynchronous write protection, the limits that it is needed for.
 */
import type { BenchmarkName } from './arguments.ts';
import type { RanReport } from './report.ts';
import { TARGETS, type Verdict } from './targets.ts';

interface Figure {
  says: string;
  unit: string;
  /** A report of these without it is an error. */
  of: readonly BenchmarkName[];
}

const AT_REST: readonly BenchmarkName[] = ['idle', 'soak'];

/** Megabytes of 10^6 bytes, percent of one core, milliseconds, kilobytes an hour. Each limit is one to stay below. */
const FIGURES = {
  rssMedian: { says: 'RSS, median', unit: 'MB', of: AT_REST },
  rssP95: { says: 'RSS, p95', unit: 'MB', of: AT_REST },
  rssPeak: { says: "RSS, the kernel's peak", unit: 'MB', of: AT_REST },
  anonymousMedian: { says: 'anonymous, median', unit: 'MB', of: AT_REST },
  cpu: { says: 'CPU over the window', unit: '%', of: AT_REST },
  collectionCold: { says: 'all four, cold thread, median', unit: 'ms', of: ['collect'] },
  collectionWarm: { says: 'all four, warm thread, median', unit: 'ms', of: ['collect'] },
  collectionReading: { says: 'all four, reading, median', unit: 'ms', of: ['collect'] },
  report: { says: 'full report on loopback, median', unit: 'ms', of: ['report'] },
  reportDelaysTaken: { says: 'delays on the way that a full report takes', unit: 'x', of: ['report'] },
  heartbeatRatio: { says: "heartbeat's p99, footprint full to off", unit: 'x', of: ['heartbeat'] },
  start: { says: 'start to registered, median', unit: 'ms', of: ['start'] },
  rssGrowth: { says: 'RSS, growth beyond chance', unit: 'KB/h', of: ['soak'] },
  anonymousGrowth: { says: 'anonymous, growth beyond chance', unit: 'KB/h', of: ['soak'] },
  descriptorGrowth: { says: 'open descriptors, growth', unit: 'descriptors', of: ['soak'] },
  threadGrowth: { says: 'threads, growth', unit: 'threads', of: ['soak'] },
} as const satisfies Record<string, Figure>;
type GatedFigure = keyof typeof FIGURES;

/** Of the document. Others of ours (verifying, the link, daemonctl) are spoilt by a busy machine. */
const OF_DOCUMENT: { target: Verdict['target']; of: readonly BenchmarkName[] }[] = [
  { target: 'idleCpu', of: AT_REST },
  { target: 'idleMemory', of: AT_REST },
  { target: 'collection', of: ['collect'] },
  { target: 'report', of: ['report'] },
];

/** One figure of a report, in its unit. */
export interface Measured {
  figure: GatedFigure;
  value: number;
}

export interface Finding {
  benchmark: BenchmarkName;
  /** Version. */
  node: string;
  /** `RSS, median`. */
  figure: string;
  measured: number;
  limit: number;
  unit: string;
  holds: boolean;
  /** Whether it decides about the exit code. */
  decides: boolean;
}

export interface Gate {
  /** Nothing is missing, something decides, and all that decides holds. */
  passes: boolean;
  /** Figures that reports of gated benchmarks do not have: `idle, Node 24.9.0: RSS, p95`. */
  missing: string[];
  findings: Finding[];
}

export const GATED_BENCHMARKS: readonly BenchmarkName[] = [
  ...new Set(Object.values(FIGURES).flatMap((figure: Figure) => figure.of)),
];

const GATED_MAJORS = [20, 24];
const OF_ALL = {
  ...{ collectionCold: 100, collectionWarm: 100, collectionReading: 5, report: 10, start: 500 },
  /** A second round trip would be 2. */
  ...{ reportDelaysTaken: 1.5, heartbeatRatio: 1.5 },
  /** Less than this is not told from none. */
  ...{ rssGrowth: 100, anonymousGrowth: 100 },
  /** Not one. */
  ...{ descriptorGrowth: 1, threadGrowth: 1 },
} as const;
type Limits = Record<GatedFigure, number>;
const OF_NODE_20: Limits = { rssMedian: 18, rssP95: 22, rssPeak: 28, anonymousMedian: 13, cpu: 0.5, ...OF_ALL };
const OF_NODE_24: Limits = { rssMedian: 20, rssP95: 24, rssPeak: 30, anonymousMedian: 15, cpu: 0.6, ...OF_ALL };
/** Where the kernel lets no process keep the pages around a fault away. */
const RSS_MEDIAN_WITHOUT_WP = 28;
/** Only told there: the peak is above its limit by nature, and giving back each second costs CPU. */
const TOLD_WITHOUT_WP: readonly (GatedFigure | Verdict['target'])[] = [
  ...(['rssP95', 'rssPeak', 'anonymousMedian', 'cpu', 'idleMemory'] as const),
];

/** Whether a kernel has userfaultfd's asynchronous write-protect mode: Linux 6.7 or newer. `release`: `6.18.44-x`. */
export function hasAsyncWriteProtect(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number.parseFloat);
  return major > 6 || (major === 6 && minor >= 7);
}

const majorOf = (node: string): number => Number.parseInt(node.replace(/^v/, ''), 10);

function limitOf(figure: GatedFigure, major: number, kernel: string): number {
  if (figure === 'rssMedian' && !hasAsyncWriteProtect(kernel)) return RSS_MEDIAN_WITHOUT_WP;
  return (major === 20 ? OF_NODE_20 : OF_NODE_24)[figure];
}

function findingsOf({ name: benchmark, node, verdicts, gate = [] }: RanReport, kernel: string): Finding[] {
  const major = majorOf(node);
  const decides = (what: GatedFigure | Verdict['target']): boolean =>
    GATED_MAJORS.includes(major) && (hasAsyncWriteProtect(kernel) || !TOLD_WITHOUT_WP.includes(what));
  const limited = gate.map(({ figure, value: measured }): Finding => {
    const limit = limitOf(figure, major, kernel);
    const { says, unit } = FIGURES[figure];
    const holds = measured < limit;
    return { benchmark, node, figure: says, measured, limit, unit, holds, decides: decides(figure) };
  });
  const ofDocument = verdicts
    .filter(({ target }) => OF_DOCUMENT.some((one) => one.target === target))
    .map(({ target, figure: says, measured, holds }): Finding => {
      const { limit, unit } = TARGETS[target];
      const figure = `${says} (design document)`;
      return { benchmark, node, figure, measured, limit, unit, holds, decides: decides(target) };
    });
  return [...limited, ...ofDocument];
}

function missingOf({ name, node, verdicts, gate = [] }: RanReport): string[] {
  const figures = (Object.keys(FIGURES) as GatedFigure[])
    .filter((key) => (FIGURES[key] as Figure).of.includes(name) && !gate.some(({ figure }) => figure === key))
    .map((key) => FIGURES[key].says);
  const targets = OF_DOCUMENT.filter(({ target, of }) => {
    return of.includes(name) && !verdicts.some((verdict) => verdict.target === target);
  }).map(({ target }) => `target ${target} (design document)`);
  return [...figures, ...targets].map((what) => `${name}, Node ${node}: ${what}`);
}

/** `kernel`: its release, as `uname -r` tells it. Benchmarks that no gate is for are left out. */
export function judgeGate(reports: readonly RanReport[], kernel: string): Gate {
  const gated = reports.filter(({ name }) => GATED_BENCHMARKS.includes(name));
  const missing = gated.flatMap(missingOf);
  const findings = gated.flatMap((report) => findingsOf(report, kernel));
  const deciding = findings.filter(({ decides }) => decides);
  const passes = missing.length === 0 && deciding.length > 0 && deciding.every(({ holds }) => holds);
  return { passes, missing, findings };
}

/** A line for what is missing or missed, and one that counts what holds; what does not decide has lines of its own. */
export function renderGate({ missing, findings }: Gate): string[] {
  const line = ({ benchmark, node, figure, measured, limit, unit }: Finding): string =>
    `${benchmark}, Node ${node}: ${figure}: ${measured.toFixed(2)} ${unit}, limit < ${limit} ${unit}`;
  const deciding = findings.filter(({ decides }) => decides);
  const told = findings.filter(({ decides }) => !decides);
  const lines = (some: readonly Finding[], missedSays: string, countSays: string): string[] => {
    const missed = some.filter(({ holds }) => !holds);
    return [
      ...missed.map((finding) => `${missedSays} ${line(finding)}`),
      ...(some.length > 0 ? [`${countSays} ${some.length - missed.length} of ${some.length} figures hold`] : []),
    ];
  };
  return [
    ...missing.map((what) => `gate: MISSING ${what}`),
    ...(deciding.length === 0 ? [`gate: NOTHING DECIDES: no figure is of Node ${GATED_MAJORS.join(' or ')}`] : []),
    ...lines(deciding, 'gate: MISSED', 'gate:'),
    ...lines(told, 'not gated, missed:', 'not gated:'),
  ];
}
