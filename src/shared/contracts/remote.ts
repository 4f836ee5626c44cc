/** What a Manager may ask of a host, in the words of `remote.allow`. */
export const REMOTE_OPERATIONS = ['list', 'metrics', 'config', 'start', 'stop', 'restart', 'update'] as const;
