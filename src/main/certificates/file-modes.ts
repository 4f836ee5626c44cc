/** Whether others than the owner can read or write a key. Pure: takes permission bits. */
import type { TlsFileFacts } from '../../shared/platform/tls-files.ts';

const SECRET = ['keyFile', 'keyPassphraseFile'];
const GROUP_OR_OTHERS_READ = 0o044;
const GROUP_OR_OTHERS_WRITE = 0o022;

export interface ModeWarning {
  path: string;
  /** Octal. */
  mode: string;
  message: string;
}

export function modeWarnings(files: readonly Pick<TlsFileFacts, 'name' | 'path' | 'mode'>[]): ModeWarning[] {
  return files.flatMap(({ name, path, mode }) => {
    if (!SECRET.includes(name)) return [];
    const ways = [
      ...(mode & GROUP_OR_OTHERS_READ ? ['read'] : []),
      ...(mode & GROUP_OR_OTHERS_WRITE ? ['written'] : []),
    ];
    if (ways.length === 0) return [];
    const what = name === 'keyFile' ? 'the private key' : 'the passphrase of the private key';
    const octal = mode.toString(8).padStart(4, '0');
    const message = `${what} in ${path} can be ${ways.join(' and ')} by others than its owner (mode ${octal}); chmod 600 it`;
    return [{ path, mode: octal, message }];
  });
}
