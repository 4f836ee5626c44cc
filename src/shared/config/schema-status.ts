/** What the configuration says of the status page. */
import type { Fields } from './fields.ts';

export const status = {
  listen: {
    kind: 'loopback-address',
    name: 'listen',
    default: '',
    doc: 'Where the page is served, such as `127.0.0.1:9092` or `"[::1]:9092"`; every user of this host can read it. Empty: off, and nothing of it is loaded.',
  },
  metrics: {
    kind: 'boolean',
    name: 'metrics',
    default: true,
    doc: 'Serve `/metrics` there too.',
  },
} as const satisfies Fields;
