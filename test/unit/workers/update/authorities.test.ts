import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rootCertificates } from 'node:tls';
import { describe, expect, test } from 'vitest';
import { DaemonError } from '../../../../src/shared/errors/daemon-error.ts';
import { systemAuthorities } from '../../../../src/workers/update/authorities.ts';
import { testFolder } from '../../../support/temp-folder.ts';

describe('the authorities that hosts are checked against', () => {
  test('are those that Node brings, in a list of its own', () => {
    const authorities = systemAuthorities('');
    expect(authorities).toEqual([...rootCertificates]);
    expect(authorities.length).toBeGreaterThan(50);
    authorities.pop();
    expect(systemAuthorities('')).toEqual([...rootCertificates]);
  });

  test('and those of the file that is named, as they are', async () => {
    const file = join(await testFolder('authorities'), 'further authorities.pem');
    const pem = `${rootCertificates[1]}\n${rootCertificates[0]}\n`;
    await writeFile(file, pem);
    expect(systemAuthorities(file)).toEqual([...rootCertificates, pem]);
  });

  test('a file that is not there, or is none: an error that names it, and what named it', async () => {
    const folder = await testFolder('authorities');
    for (const [file, cause] of [
      [join(folder, 'none.pem'), 'ENOENT'],
      [folder, 'EISDIR'],
    ] as const) {
      let thrown: unknown;
      try {
        systemAuthorities(file);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toBeInstanceOf(DaemonError);
      expect(thrown).toMatchObject({ code: 'D4001', retryable: false, cause: { code: cause } });
      expect((thrown as DaemonError).message).toContain(`${file}, which NODE_EXTRA_CA_CERTS names, is unreadable`);
    }
  });
});
