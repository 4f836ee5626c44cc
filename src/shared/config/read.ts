/**
 * Reads a tree by the schema: every value that is given and right lands in a partial model (by the model's names),
 * everything else in the findings. No defaults here: what is absent stays absent, so that it can be inherited.
 */
import type { Field, Fields } from './fields.ts';
import { childPath, type Findings } from './findings.ts';
import { shown } from './formats.ts';
import { hintForUnknown, nearest } from './nearest-key.ts';
import {
  ADDRESSES,
  below,
  choices,
  type ItemReader,
  integers,
  isEmpty,
  plainData,
  type Report,
  readList,
  readTextMap,
  type Spot,
  TEXTS,
} from './plain.ts';
import type { Entry, MapNode, TreeNode } from './tree.ts';
import { given, readScalar, wanted } from './values.ts';

/** A section's values under the model's names; absent and wrong ones are missing. */
export interface PartialModel {
  [name: string]: unknown;
}

type OfKind<K> = Extract<Field, { kind: K }>;

export class SchemaReader {
  readonly #findings: Findings;
  readonly #root: Fields;
  readonly #error: Report;

  constructor(root: Fields, findings: Findings) {
    this.#root = root;
    this.#findings = findings;
    this.#error = (spot, node, message, more = {}) => {
      findings.add({ keyPath: spot.path, offset: node?.offset ?? spot.keyOffset, message, ...more });
      return undefined;
    };
  }

  /** The whole file, whose top level must be a map. */
  readRoot(node: MapNode): PartialModel {
    return this.#section(this.#root, node, { path: '', schemaPath: '', keyOffset: null });
  }

  #section(fields: Fields, node: MapNode, spot: Spot): PartialModel {
    const partial: PartialModel = {};
    const named: Entry[] = [];
    for (const entry of node.entries) {
      const field = entry.key !== '*' && Object.hasOwn(fields, entry.key) ? fields[entry.key] : undefined;
      if (field === undefined) {
        if (this.#isNamed(fields, entry)) named.push(entry);
        else this.#unknown(entry.key, fields, spot, entry.offset);
        continue;
      }
      const value = this.#entry(field, entry, below(spot, entry.key, entry));
      if (value !== undefined) partial[field.name] = value;
    }
    const star = fields['*'];
    if (star?.kind === 'named-sections') partial[star.name] = this.#namedSections(star, named, spot);
    this.#requireMandatory(fields, node, spot);
    return partial;
  }

  #unknown(key: string, fields: Fields, spot: Spot, offset: number): void {
    const hint = this.#findings.isFull ? '' : hintForUnknown(key, fields, spot.schemaPath, this.#root);
    const keyPath = childPath(spot.path, key);
    this.#findings.add({ keyPath, offset, message: `unknown key ${shown(key)}`, hint });
  }

  /** A key that no field names is a section of the user's own, unless it looks like a slip in a known one's name. */
  #isNamed(fields: Fields, entry: Entry): boolean {
    const star = fields['*'];
    if (star?.kind !== 'named-sections') return false;
    const marks = Object.entries(star.fields).filter(([, field]) => 'default' in field && field.default === null);
    const { value } = entry;
    if (value.kind === 'map' && value.entries.some(({ key }) => marks.some(([mark]) => mark === key))) return true;
    return nearest(entry.key, Object.keys(fields)) === null;
  }

  #requireMandatory(fields: Fields, node: MapNode, spot: Spot): void {
    for (const [key, field] of Object.entries(fields)) {
      const mandatory = field.kind === 'section' ? field.required : 'default' in field && field.default === null;
      const entry = node.entries.find((other) => other.key === key) ?? null;
      if (!mandatory || (entry !== null && !isEmpty(entry.value))) continue;
      const at = below(spot, key, entry);
      // a required section that is left out lacks each of its mandatory keys
      if (field.kind === 'section') this.#section(field.fields, { ...node, entries: [] }, at);
      else this.#error(at, null, 'is missing', { hint: field.kind === 'choice' ? wanted(field) : field.doc });
    }
  }

  #entry(field: Field, { value }: Entry, spot: Spot): unknown {
    if (spot.keyOffset !== null) {
      this.#findings.places.offsets.set(spot.path, isEmpty(value) ? spot.keyOffset : value.offset);
    }
    if (field.kind === 'ignored') {
      const ignored = { message: 'is ignored', hint: field.doc, severity: 'warning' } as const;
      this.#findings.add({ keyPath: spot.path, offset: spot.keyOffset, ...ignored });
      return undefined;
    }
    return isEmpty(value) ? undefined : this.#value(field, value, spot);
  }

  #value(field: Exclude<Field, { kind: 'ignored' }>, node: TreeNode, spot: Spot): unknown {
    switch (field.kind) {
      case 'section':
        return this.#map(node, spot, 'a section', (map) => this.#section(field.fields, map, spot));
      case 'switched-section':
        if (node.kind === 'scalar' && node.value === 'off') return { off: true };
        return this.#map(node, spot, 'a section or `off`', (map) => this.#section(field.fields, map, spot));
      case 'free-map':
        return this.#map(node, spot, 'a section', plainData);
      case 'string-map':
        return this.#map(node, spot, 'a section of texts', (map) => readTextMap(field, map, spot, this.#error));
      case 'section-list':
        return this.#sectionList(field, node, spot);
      case 'address-list':
        return node.kind === 'list' ? this.#addresses(node, spot) : this.#address(node, spot);
      case 'string-list':
        return this.#list(field.choices ? choices(field.choices) : TEXTS, node, spot);
      case 'optional-string-list':
        return this.#list(TEXTS, node, spot);
      case 'integer-list':
        return this.#list(integers(field), node, spot);
      case 'named-sections':
        return undefined;
      default: {
        if (node.kind !== 'scalar') return this.#error(spot, node, `wants ${wanted(field)}, given ${given(node)}`);
        const parsed = readScalar(field, node);
        return parsed.ok ? parsed.value : this.#error(spot, node, parsed.message, { hint: parsed.hint });
      }
    }
  }

  #map<T>(node: TreeNode, spot: Spot, wants: string, read: (map: MapNode) => T): T | undefined {
    if (node.kind === 'map') return read(node);
    return this.#error(spot, node, `wants ${wants}, given ${given(node)}`);
  }

  #address(node: TreeNode, spot: Spot): string[] | undefined {
    if (node.kind !== 'scalar')
      return this.#error(spot, node, `wants HOST:PORT or a list of them, given ${given(node)}`);
    const parsed = ADDRESSES.read(node);
    return parsed.ok ? [parsed.value] : this.#error(spot, node, parsed.message, { hint: parsed.hint });
  }

  #addresses(node: TreeNode, spot: Spot): string[] | undefined {
    const addresses = this.#list(ADDRESSES, node, spot);
    if (node.kind === 'list' && node.items.length === 0)
      return this.#error(spot, node, 'is an empty list, wants at least one HOST:PORT');
    return addresses && [...new Set(addresses)];
  }

  #list<T>(reader: ItemReader<T>, node: TreeNode, spot: Spot): T[] | undefined {
    const { offsets } = this.#findings.places;
    if (node.kind === 'list')
      for (const [i, item] of node.items.entries()) offsets.set(`${spot.path}[${i}]`, item.offset);
    return readList(reader, node, spot, this.#error);
  }

  #sectionList(field: OfKind<'section-list'>, node: TreeNode, spot: Spot): PartialModel[] | undefined {
    if (node.kind !== 'list') {
      const hint = node.kind === 'map' ? 'begin each entry with `- `' : '';
      return this.#error(spot, node, `wants a list of sections, given ${given(node)}`, { hint });
    }
    const lines = new Map<unknown, number>();
    return node.items.map((item, index) => {
      const schemaPath = `${spot.schemaPath}[]`;
      const at: Spot = { path: `${spot.path}[${index}]`, schemaPath, keyOffset: item.offset };
      this.#findings.places.offsets.set(at.path, item.offset);
      const entry = this.#map(item, at, 'a section', (map) => this.#section(field.fields, map, at)) ?? {};
      this.#requireUnique(field, entry, at, lines);
      return entry;
    });
  }

  #requireUnique(field: OfKind<'section-list'>, entry: PartialModel, at: Spot, lines: Map<unknown, number>): void {
    const value = entry[field.fields[field.unique]?.name ?? ''];
    const { offsets, lines: text } = this.#findings.places;
    const keyOffset = offsets.get(childPath(at.path, field.unique));
    if (value === undefined || keyOffset === undefined) return;
    const first = lines.get(value);
    const spot = { ...at, path: childPath(at.path, field.unique), keyOffset };
    if (first === undefined) lines.set(value, text.linePos(keyOffset).line);
    else this.#error(spot, null, `${shown(String(value))} is taken already, on line ${first}`);
  }

  #namedSections(field: OfKind<'named-sections'>, entries: Entry[], spot: Spot): PartialModel {
    const sections = entries.flatMap((entry): [string, PartialModel][] => {
      const at: Spot = { ...below(spot, entry.key, entry), schemaPath: `${spot.schemaPath}.<name>` };
      this.#findings.places.offsets.set(at.path, entry.value.offset);
      if (!field.namePattern.regexp.test(entry.key)) {
        this.#error(at, null, `a name must be ${field.namePattern.says}`);
        return [];
      }
      const node: TreeNode = isEmpty(entry.value)
        ? { kind: 'map', entries: [], offset: entry.offset, size: 1 }
        : entry.value;
      const section = this.#map(node, at, 'a section', (map) => this.#section(field.fields, map, at));
      return section === undefined ? [] : [[entry.key, section]];
    });
    return Object.fromEntries(sections);
  }
}
