/** A journal of the daemon's own update, for tests that need one in the middle. */
import type { DaemonJournal, ProcessName } from '../../src/main/update/journal-format.ts';

export function processName(pid: number): ProcessName {
  return { pid, startTicks: 100 * pid, bootId: 'boot' };
}

export function daemonJournal(over: Partial<DaemonJournal> = {}): DaemonJournal {
  return {
    format: 1,
    kind: 'daemon',
    step: 'proving',
    id: 'one',
    startedMs: 1_700_000_000_000,
    oldVersion: '1.0.0',
    newVersion: '1.1.0',
    sha256: '',
    package: '/downloads/one.package',
    temporary: [],
    backup: '',
    failure: null,
    root: '/opt/daemon',
    oldRelease: '1.0.0',
    newRelease: '1.1.0',
    daemon: processName(10),
    pidFile: '/run/daemon.pid',
    command: ['/opt/daemon/current/bin/daemon', '--config', '/etc/daemon.yaml'],
    service: { kind: 'signal', supervised: true },
    agents: [],
    linked: true,
    manager: { address: '127.0.0.1:1', timeoutMs: 5000, tls: { certFile: '', keyFile: '', caFile: '' } },
    verifyTimeoutMs: 20_000,
    verifyMs: 2000,
    helper: null,
    helpers: 0,
    ...over,
  };
}
