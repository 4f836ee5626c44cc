/**
 * The budget as a gate: the limits of each figure by the major version of Node that ran it, and which of them were not
 * kept. Pure. Beside them it holds the design document's targets (8.3). The majors that releases are made for decide
 * about the exit code; others are judged by the limits of Node 24 and only told.
 */
import type { BenchmarkName } from './arguments.ts';
import type { RanReport } from './report.ts';
import { TARGETS, type Verdict } from './targets.ts';

/** Megabytes of 10^6 bytes, percent of one core, milliseconds, kilobytes an hour. Each limit is one to stay below. */
const FIGURES = {
  rssMedian: { says: 'RSS, median', unit: 'MB' },
  rssP95: { says: 'RSS, p95', unit: 'MB' },
  rssPeak: { says: "RSS, the kernel's peak", unit: 'MB' },
  anonymousMedian: { says: 'anonymous, median', unit: 'MB' },
  cpu: { says: 'CPU over the window', unit: '%' },
  collectionCold: { says: 'all four, cold thread, median', unit: 'ms' },
  collectionWarm: { says: 'all four, warm thread, median', unit: 'ms' },
  collectionReading: { says: 'all four, reading, median', unit: 'ms' },
  report: { says: 'full report on loopback, median', unit: 'ms' },
  start: { says: 'start to registered, median', unit: 'ms' },
  rssGrowth: { says: 'RSS, growth beyond chance', unit: 'KB/h' },
  anonymousGrowth: { says: 'anonymous, growth beyond chance', unit: 'KB/h' },
} as const;
type GatedFigure = keyof typeof FIGURES;

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

export const GATED_BENCHMARKS: readonly BenchmarkName[] = ['idle', 'collect', 'report', 'start', 'soak'];

const GATED_MAJORS = [20, 24];
const OF_ALL = {
  ...{ collectionCold: 100, collectionWarm: 100, collectionReading: 5, report: 10, start: 500 },
  /** Less than this is not told from none. */
  ...{ rssGrowth: 100, anonymousGrowth: 100 },
} as const;
const OF_NODE_20 = { rssMedian: 18, rssP95: 22, rssPeak: 28, anonymousMedian: 13, cpu: 0.5, ...OF_ALL } as const;
const OF_NODE_24 = { rssMedian: 20, rssP95: 24, rssPeak: 30, anonymousMedian: 15, cpu: 0.6, ...OF_ALL } as const;
/** Instead of all limits of resident memory, where the kernel lets no process keep the pages around a fault away. */
const RSS_MEDIAN_WITHOUT_WP = 28;
/** Of the document. Others of ours (verifying, the link, daemonctl) are spoilt by a busy machine. */
const OF_DOCUMENT: readonly Verdict['target'][] = ['idleCpu', 'idleMemory', 'collection', 'report'];

/** Whether a kernel has userfaultfd's asynchronous write-protect mode: Linux 6.7 or newer. `release`: `6.18.44-x`. */
export function hasAsyncWriteProtect(release: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map(Number.parseFloat);
  return major > 6 || (major === 6 && minor >= 7);
}

/** null: no limit. */
function limitOf(figure: GatedFigure, major: number, kernel: string): number | null {
  if (!hasAsyncWriteProtect(kernel)) {
    if (figure === 'rssMedian') return RSS_MEDIAN_WITHOUT_WP;
    if (figure === 'rssP95' || figure === 'rssPeak') return null;
  }
  return (major === 20 ? OF_NODE_20 : OF_NODE_24)[figure];
}

function findingsOf(report: RanReport, kernel: string): Finding[] {
  const { name: benchmark, node, verdicts, gate = [] } = report;
  const major = Number.parseInt(node.replace(/^v/, ''), 10);
  const common = { benchmark, node, decides: GATED_MAJORS.includes(major) };
  const limited = gate.flatMap(({ figure, value }): Finding[] => {
    const limit = limitOf(figure, major, kernel);
    const { says, unit } = FIGURES[figure];
    return limit === null ? [] : [{ ...common, figure: says, measured: value, limit, unit, holds: value < limit }];
  });
  const ofDocument = verdicts
    .filter(({ target }) => OF_DOCUMENT.includes(target))
    // without it the peak is above the document's limit by nature: the median alone has one
    .filter(({ target }) => target !== 'idleMemory' || hasAsyncWriteProtect(kernel))
    .map(({ target, figure, measured, holds }): Finding => {
      const { limit, unit } = TARGETS[target];
      return { ...common, figure: `${figure} (design document)`, measured, limit, unit, holds };
    });
  return [...limited, ...ofDocument];
}

/** `kernel`: its release, as `uname -r` tells it. Of benchmarks that no gate is for, nothing. */
export function findings(reports: readonly RanReport[], kernel: string): Finding[] {
  return reports.filter(({ name }) => GATED_BENCHMARKS.includes(name)).flatMap((report) => findingsOf(report, kernel));
}

export const isMissed = (all: readonly Finding[]): boolean => all.some(({ holds, decides }) => !holds && decides);

/** One line a missed figure, or one that says that all hold; majors that do not decide have lines of their own. */
export function renderGate(all: readonly Finding[]): string[] {
  const line = ({ benchmark, node, figure, measured, limit, unit }: Finding): string =>
    `${benchmark}, Node ${node}: ${figure}: ${measured.toFixed(2)} ${unit}, limit < ${limit} ${unit}`;
  const deciding = all.filter(({ decides }) => decides);
  const missed = deciding.filter(({ holds }) => !holds);
  const told = all.filter(({ decides }) => !decides);
  return [
    ...missed.map((finding) => `gate: MISSED ${line(finding)}`),
    ...(deciding.length > 0 ? [`gate: ${deciding.length - missed.length} of ${deciding.length} figures hold`] : []),
    ...told.filter(({ holds }) => !holds).map((finding) => `not gated, missed: ${line(finding)}`),
    ...(told.length > 0
      ? [
          `not gated: ${told.filter(({ holds }) => holds).length} of ${told.length} figures hold, beside Node 24's limits`,
        ]
      : []),
  ];
}
