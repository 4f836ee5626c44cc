/**
 * When certificates expire, and what is to be said of it: 30, 7 and 1 days before and once they have, each once a
 * certificate. Pure.
 */
import { isoTime, spanInWords } from '../../shared/platform/validity.ts';

export interface DatedCertificate {
  /** The daemon's own, one behind it in cert_file, or one in ca_file. */
  role: 'own' | 'chain' | 'CA';
  /** Tells certificates apart. */
  fingerprint: string;
  subject: string;
  /** Unix milliseconds. */
  notAfterMs: number;
}

export interface CertificateStatus {
  /** Of the certificate in use; empty where there is none. */
  subject: string;
  /** ISO 8601. */
  notAfter: string;
  /** Whole days, 0 on the last one and after it. */
  daysLeft: number;
  state: 'ok' | 'expires-soon' | 'expired' | 'none';
  /** Why what is in the files is not in use; empty where it is. */
  candidate: string;
}

export interface ExpiryNotice {
  /** The same for what was said once and need not be said again. */
  key: string;
  certificate: DatedCertificate;
  level: 'warn' | 'error';
  message: string;
}

const DAY_MS = 86_400_000;
const NOTICE_DAYS = [1, 7, 30] as const;
const SOON_DAYS = 30;

const CALLED: Record<DatedCertificate['role'], string> = {
  own: "the daemon's certificate",
  chain: "a certificate behind the daemon's own in cert_file",
  CA: 'a CA certificate in ca_file',
};

/** The notice that the certificate's age asks for now; null where none. */
export function expiryNotice(certificate: DatedCertificate, nowMs: number): ExpiryNotice | null {
  const { fingerprint, notAfterMs, role, subject } = certificate;
  const leftMs = notAfterMs - nowMs;
  const days = leftMs < 0 ? 0 : NOTICE_DAYS.find((limit) => leftMs <= limit * DAY_MS);
  if (days === undefined) return null;
  const when = days === 0 ? 'has expired' : `expires within ${days === 1 ? '1 day' : `${days} days`}`;
  const exactly = `${isoTime(notAfterMs)}, ${days === 0 ? `${spanInWords(-leftMs)} ago` : `in ${spanInWords(leftMs)}`}`;
  return {
    key: `${fingerprint} ${days}`,
    certificate,
    level: days <= 1 ? 'error' : 'warn',
    message: `${CALLED[role]}, ${subject}, ${when} (${exactly}); renew it`,
  };
}

/** Without those that were `told`, and each certificate once, wherever it is. */
export function dueNotices(
  certificates: readonly DatedCertificate[],
  nowMs: number,
  told: ReadonlySet<string>,
): ExpiryNotice[] {
  const due = new Map<string, ExpiryNotice>();
  for (const certificate of certificates) {
    const notice = expiryNotice(certificate, nowMs);
    if (notice && !told.has(notice.key) && !due.has(notice.key)) due.set(notice.key, notice);
  }
  return [...due.values()];
}

export function certificateStatus(
  inUse: { subject: string; notAfterMs: number } | null,
  nowMs: number,
  candidate: string,
): CertificateStatus {
  if (!inUse) return { subject: '', notAfter: '', daysLeft: 0, state: 'none', candidate };
  const { subject, notAfterMs } = inUse;
  const days = Math.floor((notAfterMs - nowMs) / DAY_MS);
  const soon = notAfterMs - nowMs <= SOON_DAYS * DAY_MS ? 'expires-soon' : 'ok';
  return {
    subject,
    notAfter: isoTime(notAfterMs),
    daysLeft: Math.max(0, days),
    state: nowMs > notAfterMs ? 'expired' : soon,
    candidate,
  };
}
