/** What systemd hands to a service that tells how it is (sd_notify(3), sd_watchdog_enabled(3)). */
export interface ServiceSettings {
  /** A path, or an abstract name after `@`. */
  address: string;
  /** Milliseconds within which it must hear from us; 0: it does not watch. */
  watchdogMs: number;
}

const VARIABLES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/**
 * Takes the variables out of the environment, so that no agent, helper or other child speaks for the daemon. Null
 * where nobody wants to hear. A watchdog that is meant for another process is none of ours.
 */
export function takeServiceSettings(environment: NodeJS.ProcessEnv, pid: number): ServiceSettings | null {
  const [address = '', interval = '', watched = ''] = VARIABLES.map((name) => environment[name]);
  for (const name of VARIABLES) delete environment[name];
  if (!/^[/@]./.test(address)) return null;
  const ours = watched === '' || watched === String(pid);
  const watchdogMs = ours && /^\d{1,15}$/.test(interval) ? Number(interval) / 1000 : 0;
  return { address, watchdogMs };
}
