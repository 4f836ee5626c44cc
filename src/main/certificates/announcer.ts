/** Tells people what happens to the host's certificates: each thing once, in the log and as an event. */
import { type DaemonError, describe } from '../../shared/errors/daemon-error.ts';
import { codeOf } from '../../shared/errors/error-code.ts';
import type { TlsFileFacts } from '../../shared/platform/tls-files.ts';
import { isoTime } from '../../shared/platform/validity.ts';
import { dueNotices } from './expiry.ts';
import { modeWarnings } from './file-modes.ts';
import { IdentityFault } from './identity-fault.ts';
import type { LoadedIdentity } from './make-identity.ts';

export interface CertificateEvent {
  kind: 'certificate';
  /** For a person. */
  message: string;
  details: Record<string, string>;
}

export interface AnnouncerOptions {
  onEvent(event: CertificateEvent): void;
  log: {
    debug(fields: object, message?: string): void;
    info(fields: object, message?: string): void;
    warn(fields: object, message?: string): void;
    error(fields: object, message?: string): void;
  };
}

function namesOf({ identity, serial }: LoadedIdentity): { serial: string; subject: string; notAfter: string } {
  const { subject, notAfterMs } = identity.certificate;
  return { serial, subject, notAfter: isoTime(notAfterMs) };
}

export class Announcer {
  readonly #options: AnnouncerOptions;
  readonly #faults = new Set<string>();
  #expiry: ReadonlySet<string> = new Set();
  #modes: ReadonlySet<string> = new Set();

  constructor(options: AnnouncerOptions) {
    this.#options = options;
  }

  loaded(identity: LoadedIdentity): void {
    this.#faults.clear();
    const fields = { event: 'certificate-loaded', ...namesOf(identity) };
    this.#options.log.info(fields, `certificate of ${fields.subject}, good until ${fields.notAfter}`);
  }

  renewed(before: LoadedIdentity, now: LoadedIdentity): void {
    this.#faults.clear();
    const [old, fresh] = [namesOf(before), namesOf(now)];
    const message =
      `certificates renewed: ${fresh.subject}, serial ${fresh.serial}, good until ${fresh.notAfter}, ` +
      `in place of ${old.subject}, serial ${old.serial}, good until ${old.notAfter}`;
    this.#options.log.info({ event: 'certificate-renewed', old, ...fresh }, message);
    this.#event(message, {
      state: 'renewed',
      serial: fresh.serial,
      subject: fresh.subject,
      not_after: fresh.notAfter,
      old_serial: old.serial,
      old_subject: old.subject,
      old_not_after: old.notAfter,
    });
  }

  /** `digest` empty where the files could not be read; `inUse`: whether there is an identity that stays. */
  failed(digest: string, error: DaemonError, inUse: boolean): void {
    const reason = error instanceof IdentityFault ? error.reason : codeOf(error.cause) || error.message;
    const key = `${digest} ${reason}`;
    if (this.#faults.has(key)) return;
    this.#faults.add(key);
    const what = inUse ? 'the new certificates are not used, the old ones stay' : 'the certificates cannot be used';
    const { code } = error;
    this.#options.log.warn({ event: 'certificate-failed', code, err: error }, `${what}: ${error.message}`);
    this.#event(`${what}: ${describe(error)}`, { state: 'failed', code, reason });
  }

  /** What is in the files is in use (again): ends the trouble with what was there. */
  restored(): void {
    if (this.#faults.size === 0) return;
    this.#faults.clear();
    this.#options.log.info({ event: 'certificate-restored' }, 'the certificate files are those in use again');
  }

  /** Tells what is new of what is due; what is of no certificate any more is forgotten. */
  expiry(identities: readonly LoadedIdentity[], nowMs: number): void {
    const certificates = identities.flatMap((identity) => identity.certificates);
    for (const { certificate, level, message } of dueNotices(certificates, nowMs, this.#expiry)) {
      const { subject, role } = certificate;
      const notAfter = isoTime(certificate.notAfterMs);
      this.#options.log[level]({ event: 'certificate-expiry', role, subject, notAfter }, message);
      const state = certificate.notAfterMs < nowMs ? 'expired' : 'expires-soon';
      this.#event(message, { state, role, subject, not_after: notAfter });
    }
    this.#expiry = new Set(dueNotices(certificates, nowMs, new Set()).map(({ key }) => key));
  }

  modes(files: readonly TlsFileFacts[]): void {
    const warnings = modeWarnings(files).map((warning) => ({ ...warning, key: `${warning.mode} ${warning.path}` }));
    for (const { path, mode, message, key } of warnings) {
      if (!this.#modes.has(key)) this.#options.log.warn({ event: 'key-file-mode', path, mode }, message);
    }
    this.#modes = new Set(warnings.map(({ key }) => key));
  }

  #event(message: string, details: Record<string, string>): void {
    this.#options.onEvent({ kind: 'certificate', message, details });
  }
}
