/** The reference of the configuration file, made from the schema: one table a section, one row a key. Pure. */
import type { Field, Fields } from './fields.ts';
import { LEGACY_AGENT_DEFAULTS, SCHEMA } from './schema.ts';
import { quantity } from './values.ts';

const HEAD = `# Configuration

This file is made from the schema in \`src/shared/config/schema.ts\` and the files beside it: change it there,
then run \`node scripts/reference.mjs\`.

The daemon reads one YAML 1.2 file in UTF-8, at most 1 MiB. Unknown keys and keys given twice are errors. A key with
nothing behind it counts as left out. Anchors, aliases and merge keys (\`<<\`) may be used, tags may not.

- duration: a number and \`h\`, \`m\`, \`s\` or \`ms\`, also several: \`30s\`, \`1m30s\`, \`1.5h\`. Only 0 needs no unit.
- size: a number of bytes, or a number and \`KB\`, \`MB\`, \`GB\`, \`TB\` (decimal) or \`KiB\`, \`MiB\`, \`GiB\`, \`TiB\` (binary).
- path: absolute; neither \`~\` nor variables are expanded.
- text: numbers, \`true\` and \`false\` need quotes where a text is wanted.

The smallest file that is valid:

\`\`\`yaml
manager:
  address: manager.example.com:9090
\`\`\`

No two agents may have the same \`work_dir\` or \`socket_path\`, \`restart.backoff_base\` may not be longer than
\`restart.backoff_max\`, and \`{daemon.work_dir}/heartbeat.sock\` may have at most 107 bytes.

The single-agent form of earlier files, one section \`agent\` in place of the list \`agents\`, is still read. It has the
keys of an entry of the list; \`id\` is \`${LEGACY_AGENT_DEFAULTS.id}\` and \`type\` is \`${LEGACY_AGENT_DEFAULTS.type}\` where it names none. Where both are
given, the list counts and a warning says so.
`;

/** Markdown of every key: path, type, default, limits, text. */
export function renderReference(): string {
  return `${HEAD}${Object.entries(SCHEMA)
    .map(([key, field]) => `\n## ${key}\n\n${field.doc}\n\n${table(field.fields, pathOf(key, field))}`)
    .join('')}`;
}

function pathOf(key: string, field: Field): string {
  return field.kind === 'section-list' ? `${key}[]` : key;
}

function table(fields: Fields, path: string): string {
  const rows = rowsOf(fields, path).map((cells) => `| ${cells.map(escaped).join(' | ')} |\n`);
  return `| key | type | default | limits | |\n|---|---|---|---|---|\n${rows.join('')}`;
}

function escaped(cell: string): string {
  return cell.replaceAll('|', '\\|');
}

function rowsOf(fields: Fields, path: string): string[][] {
  return Object.entries(fields).flatMap(([key, field]) => {
    const own = `${path}.${field.kind === 'named-sections' ? '<name>' : key}`;
    const row = [`\`${own}\``, typeOf(field), defaultOf(field), limitsOf(field), field.doc];
    return 'fields' in field ? [row, ...rowsOf(field.fields, pathOf(own, field))] : [row];
  });
}

const TYPES: Record<Field['kind'], string> = {
  string: 'text',
  path: 'path',
  url: 'URL',
  'loopback-address': 'loopback address with a port',
  boolean: 'true or false',
  integer: 'whole number',
  number: 'number',
  duration: 'duration',
  size: 'size',
  'optional-size': 'size',
  choice: 'choice',
  'string-list': 'list of texts',
  'integer-list': 'list of whole numbers',
  'address-list': 'HOST:PORT, or a list of them',
  'optional-string-list': 'list of texts',
  'string-map': 'section of texts',
  'free-map': 'section',
  section: 'section',
  'switched-section': 'section or `off`',
  'section-list': 'list of sections',
  'named-sections': 'sections',
  ignored: 'ignored',
};

function typeOf(field: Field): string {
  if (field.kind === 'choice') return field.choices.map((choice) => `\`${choice}\``).join(', ');
  if (field.kind === 'path' && field.also !== undefined) return `path or \`${field.also.join('`, `')}\``;
  return TYPES[field.kind];
}

function defaultOf(field: Field): string {
  if (field.kind === 'optional-size') return 'not set';
  if (!('default' in field)) return '';
  if (field.default === null) return 'mandatory';
  if (Array.isArray(field.default)) return field.default.length === 0 ? '`[]`' : `\`${field.default.join(', ')}\``;
  switch (field.kind) {
    case 'integer':
    case 'number':
    case 'duration':
    case 'size':
      return `\`${quantity(field.kind, field.default ?? 0)}\``;
    default:
      return field.default === '' ? 'empty' : `\`${field.default}\``;
  }
}

function rangeOf(kind: Parameters<typeof quantity>[0], { min, max }: { min?: number; max?: number }): string {
  if (max === undefined) return min === undefined ? '' : `at least ${quantity(kind, min)}`;
  return `${min === undefined ? 'up' : quantity(kind, min)} to ${quantity(kind, max)}`;
}

function limitsOf(field: Field): string {
  switch (field.kind) {
    case 'integer':
    case 'number':
    case 'duration':
    case 'size':
      return rangeOf(field.kind, field);
    case 'optional-size':
      return rangeOf('size', field);
    case 'integer-list':
      return `each ${rangeOf('integer', field)}`;
    case 'string':
    case 'path':
    case 'url': {
      const unit = field.kind === 'path' ? 'bytes' : 'characters';
      const length = field.maxLength === undefined ? [] : [`at most ${field.maxLength} ${unit}`];
      return [...length, ...(field.pattern === undefined ? [] : [field.pattern.says])].join('; ');
    }
    case 'string-list':
      return field.choices === undefined ? '' : `each one of ${field.choices.map((name) => `\`${name}\``).join(', ')}`;
    case 'string-map':
      return field.keyPattern === undefined ? '' : `names: ${field.keyPattern.says}`;
    case 'named-sections':
      return `names: ${field.namePattern.says}`;
    default:
      return '';
  }
}
