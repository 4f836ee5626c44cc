/**
 * Warnings about what the configuration names and the host lacks: programs, configuration files, certificates,
 * plugins. For `--check`; the daemon starts without them and says so where it matters.
 */
import { accessSync, constants, statSync } from 'node:fs';
import type { Diagnostic } from './diagnostic.ts';
import { agentPath, childPath, type Places, placesOf, toDiagnostic } from './findings.ts';
import { shown } from './formats.ts';
import type { Config } from './schema.ts';

/** Why a file cannot be used in that way, '' when it can. */
export type FileProbe = (path: string, use: 'read' | 'execute') => string;

/**
 * One warning for each file that is absent or cannot be used by this user. Agents that are disabled are left out.
 * `places`, from loading, gives the warnings their lines.
 */
export function checkHost(
  config: Config,
  places: Places = placesOf('', ''),
  probe: FileProbe = probeFile,
): Diagnostic[] {
  const warnings: Diagnostic[] = [];
  const check = (keyPath: string, path: string, use: 'read' | 'execute', what: string) => {
    const reason = path === '' ? '' : probe(path, use);
    if (reason === '') return;
    const offset = placeOf(places, keyPath);
    const message = `${what} ${shown(path)} ${reason}`;
    warnings.push(toDiagnostic({ keyPath, offset, message, severity: 'warning' }, places));
  };
  const { tls } = config.manager;
  if (!tls.off) {
    check('manager.tls.cert_file', tls.certFile, 'read', 'the certificate');
    check('manager.tls.key_file', tls.keyFile, 'read', 'the private key');
    check('manager.tls.key_passphrase_file', tls.keyPassphraseFile, 'read', 'the passphrase');
    check('manager.tls.ca_file', tls.caFile, 'read', 'the CA certificate');
  }
  config.agents.forEach((agent, i) => {
    if (!agent.enabled) return;
    check(`${agentPath(places, i)}.binary_path`, agent.binaryPath, 'execute', 'the program');
    check(`${agentPath(places, i)}.config_file`, agent.configFile, 'read', 'the configuration file');
  });
  for (const [name, plugin] of Object.entries(config.collectors.plugins)) {
    if (plugin.enabled) check(`${childPath('collectors', name)}.module`, plugin.module, 'read', 'the module');
  }
  return warnings;
}

/** The value's place, or that of the nearest section around it which the file has. */
function placeOf(places: Places, keyPath: string): number | null {
  for (let path = keyPath; path !== ''; path = path.slice(0, Math.max(0, path.lastIndexOf('.')))) {
    const offset = places.offsets.get(path);
    if (offset !== undefined) return offset;
  }
  return null;
}

function probeFile(path: string, use: 'read' | 'execute'): string {
  try {
    if (!statSync(path).isFile()) return 'is not a file';
    accessSync(path, use === 'read' ? constants.R_OK : constants.X_OK);
    return '';
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT' || code === 'ENOTDIR') return 'does not exist';
    if (code === 'EACCES') return use === 'read' ? 'may not be read by this user' : 'may not be executed by this user';
    return `cannot be used: ${error instanceof Error ? error.message : String(error)}`;
  }
}
