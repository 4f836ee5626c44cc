/**
 * The configuration in effect, in the file's own keys: what it says and, where it says nothing, the defaults. Pure.
 * Values of keys that may hold a secret are replaced, credentials in URLs too: it is made to be shown.
 */
import type { Field, Fields } from './fields.ts';
import { type Config, SCHEMA } from './schema.ts';
import { quantity } from './values.ts';

const HIDDEN = '[secret]';
const SECRET_KEY = /pass(word|phrase)?|secret|token|credential|api_?key|private_?key|authorization/i;
const CREDENTIALS = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@]+@/gi;

/** As in an argument `--api-token=…`. */
const ASSIGNMENT = /([\w-]*(?:password|passphrase|secret|token|api[-_]?key)[\w-]*)=[^\s&]+/gi;

type Plain = Record<string, unknown>;

/** A mapping of JSON values. */
export function effectiveConfig(config: Config): Plain {
  return section(SCHEMA, config);
}

function section(fields: Fields, model: unknown): Plain {
  const values = (typeof model === 'object' && model !== null ? model : {}) as Plain;
  return Object.fromEntries(
    Object.entries(fields).flatMap(([key, field]) =>
      field.kind === 'ignored' ? [] : [...shown(key, field, values[field.name])],
    ),
  );
}

function shown(key: string, field: Field, value: unknown): [string, unknown][] {
  switch (field.kind) {
    case 'section':
      return [[key, section(field.fields, value)]];
    case 'switched-section': {
      const off = typeof value === 'object' && value !== null && 'off' in value && value.off === true;
      return [[key, off ? 'off' : section(field.fields, value)]];
    }
    case 'section-list':
      return [[key, Array.isArray(value) ? value.map((entry) => section(field.fields, entry)) : []]];
    case 'named-sections':
      return Object.entries((value ?? {}) as Plain).map(([name, entry]) => [name, section(field.fields, entry)]);
    case 'address-list':
      return [[key, Array.isArray(value) && value.length === 1 ? value[0] : value]];
    case 'path':
      return [[key, value]];
    case 'duration':
      return [[key, quantity('duration', Number(value))]];
    default:
      return value === null || value === undefined ? [] : [[key, scrubbed(key, value)]];
  }
}

function scrubbedText(text: string): string {
  return text.replace(CREDENTIALS, '$1[credentials]@').replace(ASSIGNMENT, `$1=${HIDDEN}`);
}

/** Texts, lists and maps of texts, and a plugin's own options, at any depth. */
function scrubbed(key: string, value: unknown): unknown {
  if (typeof value === 'string') return SECRET_KEY.test(key) ? HIDDEN : scrubbedText(value);
  if (Array.isArray(value)) return value.map((item) => scrubbed(key, item));
  if (typeof value !== 'object' || value === null) return SECRET_KEY.test(key) ? HIDDEN : value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, scrubbed(name, item)]));
}
