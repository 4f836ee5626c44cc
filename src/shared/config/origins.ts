/**
 * Where each value of a configuration in force comes from: the line of its file, or a default. The file is read anew, so
 * that nothing need be kept; where it says something else by now, only its name is given.
 */
import type { ConfigOrigin } from '../contracts/control.ts';
import { effectiveConfig } from './effective.ts';
import { agentPath, childPath, type Places } from './findings.ts';
import type { Loaded } from './parse.ts';
import { type Config, SCHEMA } from './schema.ts';

/** A key path and the value there, as text. */
type Leaf = [path: string, value: string];

const AGENTS = /^agents\[(\d+)\]/;
const INHERITED = Object.entries(SCHEMA).find(([, field]) => field.name === SCHEMA.agents.inherits)?.[0] ?? '';

/** In the order of the effective configuration. Empty sections and lists are values of their own. */
function leaves(value: unknown, path: string): Leaf[] {
  if (Array.isArray(value) && value.some((item) => typeof item === 'object')) {
    return value.flatMap((item, index) => leaves(item, `${path}[${index}]`));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value) || Object.keys(value).length === 0) {
    return [[path, JSON.stringify(value)]];
  }
  return Object.entries(value).flatMap(([key, item]) => leaves(item, childPath(path, key)));
}

/** `loaded`: what the file says now. */
export function originsIn(loaded: Loaded, config: Config): ConfigOrigin[] {
  const { places } = loaded;
  const now = new Map(loaded.config ? leaves(effectiveConfig(loaded.config), '') : []);
  return leaves(effectiveConfig(config), '').map(([path, value]) => {
    const from = now.get(path) === value ? (lineOf(path, places) ?? 'default') : places.file;
    return { path, from };
  });
}

/** Null where the file does not give it. */
function lineOf(path: string, places: Places): string | null {
  const own = path.replace(AGENTS, (_, index: string) => agentPath(places, Number(index)));
  const offset = places.offsets.get(own) ?? places.offsets.get(path.replace(AGENTS, INHERITED)) ?? above(own, places);
  return offset === undefined ? null : `${places.file}:${places.lines.linePos(offset).line}`;
}

/** Inside of what is handed on as it is (labels, a plugin's options) only the whole has a place. */
function above(path: string, places: Places): number | undefined {
  const holder = path.replace(/(\.[\w-]+|\[[^[]*\])$/, '');
  if (holder === path) return undefined;
  return FREE.test(holder) ? places.offsets.get(holder) : above(holder, places);
}

/** Maps whose keys are not of the schema. */
const FREE = /(^|\.)(labels|env|options)$/;
