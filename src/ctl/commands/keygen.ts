/** `daemonctl keygen`: its command line. What it does is loaded when it is asked for. */
import { type Command, Option } from 'commander';
import type { KeygenOptions, KeyPair } from '../keygen.ts';

interface Flags {
  type: KeygenOptions['type'];
  bits?: string;
  curve?: string;
  out: string;
  passphraseFile?: string;
  json?: true;
}

function render({ privateFile, publicFile, keyId }: KeyPair): string {
  return `private key  ${privateFile}\npublic key   ${publicFile}\nkey id       ${keyId}\n`;
}

const EXAMPLE = `
Example:
  daemonctl keygen --type ed25519 --out release.key
    makes release.key, to be kept by those who release, and release.key.pub, for the hosts (update.public_key_file)

Exit codes: 0 made, 1 could not be made, 2 wrong command line.
`;

export function registerKeygen(program: Command): void {
  program
    .command('keygen')
    .description('make a key pair to sign packages with')
    .addOption(
      new Option('--type <type>', 'ed25519 signs manifests only')
        .choices(['ed25519', 'rsa', 'ecdsa'])
        .makeOptionMandatory(),
    )
    .addOption(new Option('--bits <bits>', 'with rsa (default: 3072)').choices(['3072', '4096']))
    .addOption(new Option('--curve <curve>', 'with ecdsa (default: P-256)').choices(['P-256', 'P-384']))
    .requiredOption('--out <file>', 'file of the private key; the public key goes to FILE.pub')
    .option('--passphrase-file <file>', 'encrypt the private key with the first line of this file')
    .option('--json', 'print one JSON object')
    .addHelpText('after', EXAMPLE)
    .action(async ({ type, bits, curve, out, passphraseFile, json }: Flags, command: Command) => {
      if (bits !== undefined && type !== 'rsa') command.error('error: --bits is for --type rsa');
      if (curve !== undefined && type !== 'ecdsa') command.error('error: --curve is for --type ecdsa');
      const { keygen } = await import('../keygen.ts');
      const made = keygen({
        type,
        bits: Number(bits ?? 3072),
        curve: curve ?? 'P-256',
        out,
        passphraseFile: passphraseFile ?? '',
      });
      process.stdout.write(json ? `${JSON.stringify({ type, ...made })}\n` : render(made));
    });
}
