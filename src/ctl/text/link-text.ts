/** The link to the Manager as text for a terminal. Pure. */
import type { LinkView } from '../../shared/contracts/control.ts';
import { size, span } from './words.ts';

const PLAINTEXT: Record<string, string> = {
  manager: 'the way to the Manager is not encrypted (manager.tls: off)',
  server: 'the port for its operations is not encrypted, and open to whoever reaches it (server.tls: off)',
};

/** `nowMs`: Unix milliseconds. */
export function renderLink(view: LinkView, nowMs: number): string {
  const { state, sinceMs, reason, address, protocol, certificate, reports } = view;
  const rows: [string, string][] = [
    ['Manager link', `${state} for ${span(nowMs - sinceMs)}${reason === '' ? '' : `: ${reason}`}`],
    ['Manager', `${address || 'none so far'}${protocol === '' ? '' : `, protocol ${protocol}`}`],
    ['Registered as', view.nodeId],
    ['Operations', `${view.operationsPort ? `port ${view.operationsPort}` : 'no port'}, stream ${view.stream}`],
    ['Reports waiting', `${reports.waiting} (${size(reports.bytes)}, ${reports.onDisk} on disk)`],
    ['Events waiting', String(view.events)],
  ];
  if (reports.deadLetters > 0)
    rows.push(['Refused reports', `${reports.deadLetters}, see reports/dead-letters.jsonl in work_dir`]);
  if (certificate) {
    const { subject, notAfter, daysLeft, state: validity, candidate } = certificate;
    const left = validity === 'none' ? 'none' : `${subject}, until ${notAfter} (${daysLeft} days, ${validity})`;
    rows.push(['Certificate', left]);
    if (candidate !== '') rows.push(['New certificate', `not used: ${candidate}`]);
  }
  for (const which of view.plaintext) rows.push(['Warning', PLAINTEXT[which] ?? which]);
  return rows.map(([name, text]) => `${name.padEnd(17)}${text}`).join('\n');
}
