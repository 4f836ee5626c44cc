/** `daemonctl sign`: its command line. What it does is loaded when it is asked for. */
import { type Command, Option } from 'commander';
import { UPDATE_COMPONENTS, type UpdateComponent } from '../../shared/contracts/update.ts';
import type { ManifestFacts, Signed } from '../sign.ts';

interface Flags {
  key: string;
  passphraseFile?: string;
  pss?: true;
  component?: UpdateComponent;
  agent?: string;
  version?: string;
  platform?: string;
  arch?: string;
  expires?: string;
  allowDowngrade?: true;
  json?: true;
}

type Expiry = (text: string, nowMs: number) => number | null;

function manifestFacts(flags: Flags, nowMs: number, command: Command, parseExpiry: Expiry): ManifestFacts | null {
  const { component, agent = '', version, platform, arch, expires, allowDowngrade } = flags;
  const expiresMs = parseExpiry(expires ?? '90d', nowMs);
  if (expiresMs === null) {
    command.error(`error: --expires ${expires}: Give 90d, 36h, or a time such as 2026-01-31T12:00:00Z.`);
  }
  if (component === undefined || version === undefined) {
    const others = [component, flags.agent, version, platform, arch, expires, allowDowngrade];
    if (others.some((value) => value !== undefined)) {
      command.error('error: a manifest needs --component and --version');
    }
    return null;
  }
  if (component === 'agent' && agent === '') command.error('error: --component agent needs --agent');
  if (component === 'daemon' && agent !== '') command.error('error: --agent is for --component agent');
  return {
    component,
    agent,
    version,
    platform: platform ?? process.platform,
    arch: arch ?? process.arch,
    expiresMs,
    allowDowngrade: allowDowngrade ?? false,
  };
}

function render({ sha256, keyId, signature, manifest }: Signed): string {
  const lines = [`sha256              ${sha256}`, `key id              ${keyId}`];
  if (signature) lines.push(`signature file      ${signature.file}`, `signature           ${signature.base64}`);
  if (manifest) {
    lines.push(`manifest file       ${manifest.file}`, `manifest signature  ${manifest.signature.base64}`);
  }
  return `${lines.join('\n')}\n`;
}

const EXAMPLE = `
Examples:
  daemonctl sign daemon-1.2.3.tar.gz --key release.key --component daemon --version 1.2.3
    signs the package, and a manifest of it for this platform and architecture that expires in 90 days
  daemonctl sign filebeat.tar.gz --key release.key
    signs the package only, as openssl dgst -sha256 -sign release.key does

With a manifest, the update carries the manifest and its signature, otherwise the SHA-256 and the package's signature.
Exit codes: 0 signed, 1 could not be signed, 2 wrong command line.
`;

export function registerSign(program: Command): void {
  program
    .command('sign')
    .description('sign a package, and a manifest of it')
    .argument('<file>', 'the package')
    .requiredOption('--key <file>', 'PEM file of the private key')
    .option('--passphrase-file <file>', 'its first line is the passphrase of the private key')
    .option('--pss', 'RSA-PSS in place of PKCS#1 v1.5')
    .addOption(new Option('--component <component>', 'what the package is of').choices(UPDATE_COMPONENTS))
    .option('--agent <name>', 'type of the agent, or the id of a custom one')
    .option('--version <version>', 'version of the package')
    .option('--platform <platform>', `as Node names it (default: ${process.platform})`)
    .option('--arch <arch>', `as Node names it (default: ${process.arch})`)
    .option('--expires <when>', '90d, 36h or a time in ISO 8601, UTC (default: 90d)')
    .option('--allow-downgrade', 'it may replace a higher version')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLE)
    .action(async (file: string, flags: Flags, command: Command) => {
      const { parseExpiry, sign } = await import('../sign.ts');
      const nowMs = Date.now();
      const signed = sign({
        file,
        keyFile: flags.key,
        passphraseFile: flags.passphraseFile ?? '',
        pss: flags.pss ?? false,
        manifest: manifestFacts(flags, nowMs, command, parseExpiry),
        nowMs,
      });
      process.stdout.write(flags.json ? `${JSON.stringify(signed)}\n` : render(signed));
    });
}
