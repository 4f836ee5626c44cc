/**
 * The configuration in effect, in the file's own keys: what it says and, where it says nothing, the defaults. Pure.
 * Values of keys that may hold a secret are replaced, and what looks like one elsewhere: it is made to be shown. Of
 * agents' environments it has the names only.
 */
import { isSecretName, SECRET, scrub, scrubArgs } from '../secrets/rules.ts';
import type { Field, Fields } from './fields.ts';
import { type Config, SCHEMA } from './schema.ts';
import { quantity } from './values.ts';

/** Of a program: an agent's, or one that a plugin's options name. */
const ARGUMENTS = /args$/;

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

/** Texts, lists and maps of texts, and a plugin's own options, at any depth. `hide`: all of it is somebody's secret. */
function scrubbed(key: string, value: unknown, hide = key === 'env' || isSecretName(key)): unknown {
  if (Array.isArray(value)) {
    if (!hide && ARGUMENTS.test(key) && value.every((item) => typeof item === 'string')) return scrubArgs(value);
    return value.map((item) => scrubbed(key, item, hide));
  }
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([name, item]) => [name, scrubbed(name, item, hide || undefined)]));
  }
  if (hide) return SECRET;
  return typeof value === 'string' ? scrub(value) : value;
}
