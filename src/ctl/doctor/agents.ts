/** What the configuration names and the host must have: agents' programs and settings, modules of plugins. */
import type { Diagnostic } from '../../shared/config/diagnostic.ts';
import type { Config } from '../../shared/config/schema.ts';
import { type Finding, Findings } from './finding.ts';

/** `absent`: what the host lacks of what the configuration names, with its key paths. Pure. */
export function examineAgents(config: Config, absent: readonly Diagnostic[]): Finding[] {
  const findings = new Findings('agents');
  const faults = absent.filter(({ keyPath }) => !keyPath.startsWith('manager.'));
  for (const { keyPath, message, line } of faults) {
    findings.failed(
      keyPath,
      message,
      line > 0 ? `put it there, or mend line ${line} of the configuration` : 'put it there',
    );
  }
  for (const [n, { id, enabled, binaryPath }] of config.agents.entries()) {
    if (!enabled) findings.ok(id, 'is disabled: not looked at');
    else if (!faults.some(({ keyPath }) => keyPath.startsWith(`agents[${n}].`) || keyPath.startsWith('agent.'))) {
      findings.ok(id, `${binaryPath} is there and can be executed`);
    }
  }
  return findings.all;
}
