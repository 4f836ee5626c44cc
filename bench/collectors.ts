/** Of every host, as the daemon comes: what a full report has a part of. */
export const COLLECTORS = ['cpu', 'memory', 'disk', 'network'] as const;
