/** `daemonctl status`: what runs here, at a glance. */
import type { Command } from 'commander';
import type { StatusView } from '../../shared/contracts/control.ts';
import { ask, askShown } from '../client.ts';
import { type Reach, reaching, socketOf } from '../reach.ts';
import { renderPairs } from '../text/table.ts';
import { colourOf, type Paint, paint, print, printJson } from '../text/terminal.ts';
import { counted, size, span, time } from '../text/words.ts';

function agentsOf(agents: StatusView['agents'], paintWith: Paint): string {
  const states = Object.entries(agents).filter(([, count]) => count > 0);
  const total = states.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) return 'none';
  return `${total}: ${states.map(([state, count]) => paintWith(colourOf(state), `${count} ${state}`)).join(', ')}`;
}

/** `nowMs`: Unix milliseconds. Pure. */
export function renderStatusView(view: StatusView, nowMs: number, paintWith: Paint): string {
  const { link, footprint, lastCollectionMs, updatesUnderWay } = view;
  const known = link.address === '' ? '' : ` (${link.address})`;
  const why = link.reason === '' ? '' : `: ${link.reason}`;
  return renderPairs([
    ['Daemon', `${view.version} on ${view.hostName}, node ${view.nodeId}`],
    [
      'Process',
      `pid ${view.pid}, ${size(view.rssBytes)}, since ${time(view.startedMs)} (${span(nowMs - view.startedMs)})`,
    ],
    ['Configuration', view.configFile],
    ['Working folder', view.workDir],
    ['Footprint', footprint.mode + (footprint.givesPagesBack ? ', gives pages back' : '')],
    ['Manager link', `${paintWith(colourOf(link.state), link.state)} for ${span(nowMs - link.sinceMs)}${known}${why}`],
    ['Agents', agentsOf(view.agents, paintWith)],
    ['Last collection', lastCollectionMs === 0 ? 'none so far' : `${span(nowMs - lastCollectionMs)} ago`],
    ['Updates', updatesUnderWay === 0 ? 'none under way' : `${counted(updatesUnderWay, 'update')} under way`],
  ]);
}

export function registerStatus(program: Command): void {
  reaching(program.command('status'))
    .description('show what runs here, at a glance')
    .addHelpText('after', '\nExample:\n  daemonctl status\n  daemonctl status --json | jq .link.state')
    .action(async (options: Reach) => {
      const socket = await socketOf(options);
      if (options.json) printJson(await ask(socket, 'status', {}));
      else print(renderStatusView(await askShown(socket, 'status', {}), Date.now(), paint));
    });
}
