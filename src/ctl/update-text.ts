/** Updates, results and backups as text for a terminal. Pure. */
import type { ShownBackup } from '../shared/contracts/control.ts';
import type { UpdateProgress, UpdateResult, UpdateStatus } from '../shared/contracts/update.ts';
import { time } from './text/words.ts';

const SHOWN_RESULTS = 10;

const named = ({ component, agentId }: { component: string; agentId: string }): string => agentId || component;

export function renderResult(result: UpdateResult): string {
  const { oldVersion, newVersion, success, code, error, rolledBack } = result;
  const change = `${named(result)} ${oldVersion || 'unknown'} to ${newVersion}`;
  if (success) return `${change}: done`;
  const state = rolledBack ? `rolled back to ${oldVersion || 'what it was'}` : 'failed';
  return `${change}: ${state}: ${code} ${error}`;
}

function renderProgress({ newVersion, phase, percent, ...update }: UpdateProgress): string {
  return `${named(update)} to ${newVersion}: ${phase}${percent === null ? '' : ` ${percent} %`}`;
}

function block(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [title, ...lines.map((line) => `  ${line}`)];
}

export function renderStatus({ underWay, results, refused }: UpdateStatus): string {
  const open = refused.filter(({ acknowledged }) => !acknowledged);
  const lines = [
    ...block('Under way', underWay.map(renderProgress)),
    ...block(
      'Rolled back and not seen yet (daemonctl updates --acknowledge)',
      open.map((version) => `${named(version)} ${version.version}, ${time(version.atMs)}: ${version.reason}`),
    ),
    ...block(
      'Last results',
      results.slice(-SHOWN_RESULTS).map((result) => `${time(result.atMs)}  ${renderResult(result)}`),
    ),
  ];
  return lines.length === 0 ? 'No updates so far.' : lines.join('\n');
}

export function renderBackups(backups: readonly ShownBackup[]): string {
  if (backups.length === 0) return 'No backups.';
  const width = Math.max(...backups.map(({ name }) => name.length));
  return backups
    .map(({ name, version, createdMs, good }) => {
      return `${name.padEnd(width)}  ${time(createdMs)}  ${version || 'unknown'}${good ? '' : '  (was not well)'}`;
    })
    .join('\n');
}
