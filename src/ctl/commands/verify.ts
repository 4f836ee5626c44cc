/** `daemonctl verify`: its command line. What it does is loaded when it is asked for. */
import type { Command } from 'commander';
import type { Verified } from '../verify.ts';

interface Flags {
  key: string;
  sig?: string;
  manifest?: string;
  json?: true;
}

function render({ sha256, keyId, manifest }: Verified): string {
  const lines = [`sha256        ${sha256}`];
  if (keyId !== null) lines.push(`package       signed with ${keyId}`);
  if (manifest) {
    const { component, agent, version, platform, arch, expiresMs } = manifest.says;
    const expires = new Date(expiresMs).toISOString();
    lines.push(`manifest      signed with ${manifest.keyId}`);
    lines.push(`              ${component} ${agent}${agent && ' '}${version}, ${platform} ${arch}, until ${expires}`);
  }
  return `${lines.join('\n')}\n`;
}

const EXAMPLE = `
Example:
  daemonctl verify daemon-1.2.3.tar.gz --key release.key.pub
    checks daemon-1.2.3.tar.gz.sig and daemon-1.2.3.tar.gz.manifest.json, those of them that are there

Exit codes: 0 valid, 1 not valid (the check that failed is on standard error), 2 wrong command line.
`;

export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('check a package against its signature and manifest')
    .argument('<file>', 'the package')
    .requiredOption('--key <file>', 'PEM file of one or several public keys')
    .option('--sig <file>', 'raw signature of the package')
    .option('--manifest <file>', 'manifest, with its raw signature in FILE.sig (default: what is beside the package)')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLE)
    .action(async (file: string, { key, sig, manifest, json }: Flags) => {
      const { verify } = await import('../verify.ts');
      const verified = verify({
        file,
        publicKeyFile: key,
        signatureFile: sig ?? '',
        manifestFile: manifest ?? '',
        nowMs: Date.now(),
      });
      process.stdout.write(json ? `${JSON.stringify(verified)}\n` : render(verified));
    });
}
