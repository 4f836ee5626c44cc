/** A host for doctor to look at: a folder with certificates, and configurations that name what is in it. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Finding } from '../../../../src/ctl/doctor/finding.ts';
import { type Authority, createCertificates } from '../../../../src/demo/certificates.ts';
import { parseConfig } from '../../../../src/shared/config/load.ts';
import type { Config } from '../../../../src/shared/config/schema.ts';
import { testFolder } from '../../../support/temp-folder.ts';

export interface Made {
  address?: string;
  proxy?: string;
  tls?: string;
  more?: string;
  ports?: string;
}

export class ExaminedHost {
  private constructor(
    readonly folder: string,
    readonly authority: Authority,
  ) {}

  static async make(): Promise<ExaminedHost> {
    const folder = await testFolder('doctor');
    mkdirSync(join(folder, 'work'), { mode: 0o750 });
    return new ExaminedHost(folder, await createCertificates(folder));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  text({ address = '127.0.0.1:1', proxy = '', tls, more = '', ports = 'grpc_port: 0' }: Made = {}): string {
    const { folder } = this;
    const files = `{cert_file: ${folder}/client.crt, key_file: ${folder}/client.key, ca_file: ${folder}/ca.crt}`;
    return `daemon:
  work_dir: ${folder}/work
  log_file: ${folder}/work/daemon.log
  audit_log_file: '-'
  pid_file: ${folder}/work/daemon.pid
  ${ports}
manager:
  address: ${address}
  proxy: '${proxy}'
  tls: ${tls ?? files}
update:
  download_dir: ${folder}/work/downloads
  backup_dir: ${folder}/work/backups
  public_key_file: ${folder}/update.pub
${more}`;
  }

  config(made: Made = {}): Config {
    const { config, diagnostics } = parseConfig(this.text(made), 'daemon.yaml');
    if (!config) throw new Error(JSON.stringify(diagnostics));
    return config;
  }

  /** `outcome subject`, the folder left out. */
  outcomes(findings: readonly Finding[]): string[] {
    return advised(findings).map(({ outcome, subject }) => `${outcome} ${subject.replace(`${this.folder}/`, '')}`);
  }
}

/** Holds that each finding says what to do where all is not well, and nothing where it is. */
export function advised(findings: readonly Finding[]): readonly Finding[] {
  const wrong = findings.filter(({ outcome, advice }) => (outcome === 'ok') !== (advice === ''));
  expect(wrong).toEqual([]);
  return findings;
}

export const textsOf = (findings: readonly Finding[]): string =>
  advised(findings)
    .map(({ found, advice }) => `${found} -> ${advice}`)
    .join('\n');
