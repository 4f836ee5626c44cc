/** Readers of what has no fields of its own: lists, maps of texts, free data. */
import type { Field } from './fields.ts';
import { childPath, type Finding } from './findings.ts';
import { type Parsed, parseAddress } from './formats.ts';
import type { Entry, MapNode, ScalarNode, TreeNode } from './tree.ts';
import { given, readChoice, readNumberField, readText } from './values.ts';

/** Where a value stands: its key path, its place in the schema (such as `agents[].restart`), its key's offset. */
export interface Spot {
  path: string;
  schemaPath: string;
  keyOffset: number | null;
}

/** Notes an error at the node, or at the key where there is none. */
export type Report = (
  spot: Spot,
  node: TreeNode | null,
  message: string,
  more?: Pick<Finding, 'hint' | 'instead'>,
) => undefined;

/** The spot of a key in a section; `entry` is null for a key that the file does not have. */
export function below(spot: Spot, key: string, entry: Entry | null): Spot {
  const schemaPath = spot.schemaPath === '' ? key : `${spot.schemaPath}.${key}`;
  return { path: childPath(spot.path, key), schemaPath, keyOffset: entry?.offset ?? spot.keyOffset };
}

/** `key:` with nothing behind it says the same as no key at all. */
export function isEmpty(node: TreeNode): boolean {
  return node.kind === 'scalar' && node.value === null;
}

/** What a list is a list of. */
export interface ItemReader<T> {
  /** For messages: `a text`. */
  one: string;
  many: string;
  read(node: ScalarNode): Parsed<T>;
  /** What to write in place of a single value: the list that was probably meant; empty where that is not to be seen. */
  listOf(node: ScalarNode): string;
}

export const TEXTS: ItemReader<string> = {
  one: 'a text',
  many: 'texts',
  read: readText,
  listOf: ({ value, source }) => `[${JSON.stringify(typeof value === 'string' ? value : source)}]`,
};

export const ADDRESSES: ItemReader<string> = {
  ...TEXTS,
  one: 'HOST:PORT',
  many: 'HOST:PORT',
  read: (node) => {
    const text = readText(node);
    return text.ok ? parseAddress(text.value) : text;
  },
};

/** Texts out of a few. */
export function choices(among: readonly string[]): ItemReader<string> {
  return { ...TEXTS, read: (node) => readChoice({ choices: among }, node) };
}

/** Whole numbers within the field's limits. */
export function integers(field: Extract<Field, { kind: 'integer-list' }>): ItemReader<number> {
  return {
    one: 'a whole number',
    many: 'whole numbers',
    read: (node) => readNumberField({ ...field, kind: 'integer' }, node),
    listOf: ({ source }) => {
      const numbers = source.match(/^\d+([\s,]+\d+)*$/) ? source.split(/[\s,]+/) : [];
      return numbers.length === 0 ? '' : `[${numbers.join(', ')}]`;
    },
  };
}

/** The items of a list; undefined when it is none. Items that are wrong are reported and left out. */
export function readList<T>(reader: ItemReader<T>, node: TreeNode, spot: Spot, report: Report): T[] | undefined {
  if (node.kind !== 'list') {
    const list = node.kind === 'scalar' ? reader.listOf(node) : '';
    const hint = list === '' ? '' : `write ${list}`;
    return report(spot, node, `wants a list of ${reader.many}, given ${given(node)}`, { hint });
  }
  return node.items.flatMap((item, index) => {
    const at = { ...spot, path: `${spot.path}[${index}]` };
    if (item.kind !== 'scalar') return report(at, item, `wants ${reader.one}, given ${given(item)}`) ?? [];
    const parsed = reader.read(item);
    return parsed.ok ? [parsed.value] : (report(at, item, parsed.message, { hint: parsed.hint }) ?? []);
  });
}

/** A map of texts. Values are kept out of every message and frame: they may be passwords. */
export function readTextMap(
  field: Extract<Field, { kind: 'string-map' }>,
  node: MapNode,
  spot: Spot,
  report: Report,
): Record<string, string> {
  const values: [string, string][] = [];
  for (const { key, offset, value } of node.entries) {
    const at = below(spot, key, { key, offset, value });
    const instead = `${key}: ...`;
    if (field.keyPattern !== undefined && !field.keyPattern.regexp.test(key)) {
      report(at, null, `a name must be ${field.keyPattern.says}`, { instead });
    } else if (isEmpty(value)) {
      report(at, null, 'wants a text, given nothing', { hint: 'write "" for an empty text', instead });
    } else if (value.kind !== 'scalar' || typeof value.value !== 'string') {
      report(at, null, 'wants a text', { hint: 'put the value in quotes', instead });
    } else {
      const text = readText(value);
      if (text.ok) values.push([key, text.value]);
      else report(at, null, text.message, { instead });
    }
  }
  // own properties whatever their name, `__proto__` too
  return Object.fromEntries(values);
}

/** The node as plain data: texts, numbers, booleans, null, arrays and objects. */
export function plainData(node: TreeNode): unknown {
  if (node.kind === 'scalar') return node.value;
  if (node.kind === 'list') return node.items.map(plainData);
  return Object.fromEntries(node.entries.map((entry) => [entry.key, plainData(entry.value)]));
}
