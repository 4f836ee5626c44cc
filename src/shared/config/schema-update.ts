/** What the configuration says of updates: where packages may come from, how large they may be, where things are kept. */
import type { Fields } from './fields.ts';
import { DAY, KB, MB, MINUTE, SECOND } from './units.ts';

export const update = {
  download_dir: {
    kind: 'path',
    name: 'downloadDir',
    default: '/var/lib/daemon/downloads',
    doc: 'Where packages are downloaded to.',
  },
  backup_dir: {
    kind: 'path',
    name: 'backupDir',
    default: '/var/lib/daemon/backups',
    doc: 'Where replaced versions are kept, as `COMPONENT_TIMESTAMP.bak`.',
  },
  max_backups: {
    kind: 'integer',
    name: 'maxBackups',
    default: 5,
    min: 1,
    max: 1000,
    doc: 'Backups kept a component; the newest that was known to be good stays in any case.',
  },
  verify_timeout: {
    kind: 'duration',
    name: 'verifyTimeoutMs',
    default: 300 * SECOND,
    min: SECOND,
    max: DAY,
    doc: 'How long a new version may take to prove itself, before it is rolled back.',
  },
  verify_seconds: {
    kind: 'duration',
    name: 'verifyMs',
    default: 30 * SECOND,
    min: 0,
    max: DAY,
    doc: 'How long a new version must be well without a break to count as good; shorter than `verify_timeout`. A duration, so with a unit. (Not in the design document.)',
  },
  public_key_file: {
    kind: 'path',
    name: 'publicKeyFile',
    default: '/etc/daemon/keys/update.pub',
    doc: 'Keys that packages must be signed with: one PEM block each, several while keys are being rotated.',
  },
  trusted_hosts: {
    kind: 'string-list',
    name: 'trustedHosts',
    default: [],
    doc: "Hosts that packages may be downloaded from, redirects included. Empty: the Manager's host only. (Not in the design document.)",
  },
  allow_http_loopback: {
    kind: 'boolean',
    name: 'allowHttpLoopback',
    default: false,
    doc: 'Whether http:// is taken from loopback addresses; nothing else is taken but https://. (Not in the design document.)',
  },
  max_size: {
    kind: 'size',
    name: 'maxBytes',
    default: 1000 * MB,
    min: 1,
    doc: 'Size of a package above which it is refused; unpacked it may have four times as much. (Not in the design document.)',
  },
  download_timeout: {
    kind: 'duration',
    name: 'downloadTimeoutMs',
    default: 30 * MINUTE,
    min: SECOND,
    max: DAY,
    doc: 'How long a download may take, retries included. (Not in the design document.)',
  },
  min_speed: {
    kind: 'size',
    name: 'minBytesPerSecond',
    default: KB,
    min: 0,
    doc: 'Bytes a second below which an attempt to download is given up, over half a minute. 0: no limit. (Not in the design document.)',
  },
  rate_limit: {
    kind: 'size',
    name: 'rateLimit',
    default: 0,
    min: 0,
    doc: 'Bytes a second that a download may take. 0: no limit. (Not in the design document.)',
  },
} as const satisfies Fields;
