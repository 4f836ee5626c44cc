/** What the configuration says of the collectors of the host's metrics, and of plugins. */
import type { Field, Fields } from './fields.ts';
import { DAY, MINUTE, SECOND } from './units.ts';

const interval = (minimum = SECOND) =>
  ({
    kind: 'duration',
    name: 'intervalMs',
    default: MINUTE,
    min: minimum,
    max: DAY,
    doc: 'Time between two collections.',
  }) as const;
const enabled = { kind: 'boolean', name: 'enabled', default: true, doc: 'Whether it runs.' } as const;

const plugin = {
  module: {
    kind: 'path',
    name: 'module',
    default: null,
    doc: 'Absolute path of an ES or CommonJS module; see docs/plugins.md.',
  },
  enabled,
  interval: interval(),
  timeout: {
    kind: 'duration',
    name: 'timeoutMs',
    default: 10 * SECOND,
    min: 100,
    max: 10 * MINUTE,
    doc: 'After this long a run is ended and counts as failed.',
  },
  options: { kind: 'free-map', name: 'options', doc: 'Handed to the plugin as it is.' },
} as const satisfies Fields;

export const collectors = {
  kind: 'section',
  name: 'collectors',
  doc: "Collectors of the host's metrics.",
  fields: {
    cpu: { kind: 'section', name: 'cpu', fields: { enabled, interval: interval() }, doc: 'CPU use and load.' },
    memory: { kind: 'section', name: 'memory', fields: { enabled, interval: interval() }, doc: 'Memory and swap.' },
    disk: {
      kind: 'section',
      name: 'disk',
      fields: {
        enabled,
        interval: interval(),
        mount_points: {
          kind: 'string-list',
          name: 'mountPoints',
          default: [],
          doc: 'Mount points to report; empty: all.',
        },
      },
      doc: 'File systems and their devices.',
    },
    network: {
      kind: 'section',
      name: 'network',
      fields: {
        enabled,
        interval: interval(),
        interfaces: {
          kind: 'string-list',
          name: 'interfaces',
          default: [],
          doc: 'Interfaces to report; empty: all but loopback.',
        },
      },
      doc: 'Network interfaces.',
    },
    '*': {
      kind: 'named-sections',
      name: 'plugins',
      namePattern: {
        regexp: /^[a-z][a-z0-9_]{0,19}$/,
        says: '1 to 20 small letters, digits and `_`, beginning with a letter',
      },
      fields: plugin,
      doc: 'Any other name is a collector of your own, loaded from a module. (Not in the design document.)',
    },
  },
} as const satisfies Field;
