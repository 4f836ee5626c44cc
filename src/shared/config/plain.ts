/** Readers of what has no fields of its own: lists of texts, maps of texts, free data. */
import type { Field } from './fields.ts';
import { childPath, type Finding } from './findings.ts';
import type { Entry, MapNode, TreeNode } from './tree.ts';
import { given, readText } from './values.ts';

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

/** The texts of a list; undefined when it is none. Items that are no texts are reported and left out. */
export function readTextList(node: TreeNode, spot: Spot, report: Report): string[] | undefined {
  if (node.kind !== 'list') {
    const hint = node.kind === 'scalar' ? `write [${JSON.stringify(node.value)}]` : '';
    return report(spot, node, `wants a list of texts, given ${given(node)}`, { hint });
  }
  return node.items.flatMap((item, index) => {
    const at = { ...spot, path: `${spot.path}[${index}]` };
    if (item.kind !== 'scalar') return report(at, item, `wants a text, given ${given(item)}`) ?? [];
    const text = readText(item);
    return text.ok ? [text.value] : (report(at, item, text.message, { hint: text.hint }) ?? []);
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
