/**
 * YAML text as a tree of maps, lists and scalars with offsets: aliases resolved, merge keys merged, tags refused.
 * Nothing here knows the schema. Nodes behind aliases are shared, never copied, and what they would come to when
 * written out is bounded, so that a short text cannot stand for an endless one.
 */
import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, parseDocument } from 'yaml';
import { childPath, type Findings } from './findings.ts';

/** How many values all aliases of a file together may stand for. */
const MAX_ALIASED = 100_000;
const MAX_DEPTH = 64;
const TOO_DEEP = `sections are nested more than ${MAX_DEPTH} levels deep`;

interface Sized {
  /** Offset in the text. */
  offset: number;
  /** Nodes in it, aliases written out. */
  size: number;
}
export interface ScalarNode extends Sized {
  kind: 'scalar';
  value: string | number | boolean | null;
  /** As it is written. */
  source: string;
}
export interface ListNode extends Sized {
  kind: 'list';
  items: TreeNode[];
}
export interface Entry {
  key: string;
  /** Offset of the key. */
  offset: number;
  value: TreeNode;
}
export interface MapNode extends Sized {
  kind: 'map';
  entries: Entry[];
}
export type TreeNode = ScalarNode | ListNode | MapNode;

const SYNTAX_HINTS: Record<string, string> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'indent the keys of one section alike',
  BLOCK_AS_IMPLICIT_KEY: 'a value with `: ` in it needs quotes; a section begins on a line of its own',
  MULTILINE_IMPLICIT_KEY: 'is a colon missing, or a quote not closed?',
  MISSING_CHAR: 'is a quote or bracket not closed, or a colon missing?',
  BAD_SCALAR_START: 'put the value in quotes',
};

/** null when the text is not YAML; the reasons are then in `findings`. An empty text is a null scalar. */
export function readTree(text: string, findings: Findings): TreeNode | null {
  const syntax = (offset: number | null, message: string, hint = '') =>
    findings.add({ keyPath: '', offset, message, hint, code: 'D1001' });
  try {
    const document = parseDocument(text, {
      schema: 'core',
      // a tag that the core schema does not have is refused below, the well-known ones too
      resolveKnownTags: false,
      // duplicates are found below, in linear time and together with what is wrong elsewhere
      uniqueKeys: false,
      prettyErrors: false,
    });
    const seen = new Set<number>();
    for (const error of [...document.errors, ...document.warnings]) {
      if (/call stack/.test(error.message)) throw new Refused(error.pos[0], TOO_DEEP);
      // what follows at one place from its first error says nothing new
      if (seen.has(error.pos[0])) continue;
      seen.add(error.pos[0]);
      if (error.code === 'MULTIPLE_DOCS') syntax(error.pos[0], 'a second document begins here', 'remove the `---`');
      else syntax(error.pos[0], plain(error.message), SYNTAX_HINTS[error.code]);
    }
    if (findings.hasErrors) return null;
    return new TreeBuilder(findings).build(document.contents, { path: '', depth: 0 }, 0);
  } catch (error) {
    if (error instanceof Refused) syntax(error.offset, error.message);
    // the parser recurses, so that the depth of the text is the depth of the stack
    else if (error instanceof RangeError) syntax(null, TOO_DEEP);
    else throw error;
    return null;
  }
}

function plain(message: string): string {
  const tag = /^Unresolved tag: (.*)$/.exec(message)?.[1];
  return tag === undefined ? message : `the tag ${tag} is not known; tags are not used in this file`;
}

/** Where a node stands among the others. */
interface Spot {
  path: string;
  depth: number;
}

class Refused extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

class TreeBuilder {
  readonly #findings: Findings;
  /** What each anchor stands for; null while the anchored node is still being built. */
  readonly #anchors = new Map<string, TreeNode | null>();
  #aliased = 0;

  constructor(findings: Findings) {
    this.#findings = findings;
  }

  build(node: Node | null, spot: Spot, offset: number): TreeNode {
    if (node === null) return { kind: 'scalar', value: null, source: '', offset, size: 1 };
    const at = node.range?.[0] ?? offset;
    if (spot.depth > MAX_DEPTH) throw new Refused(at, TOO_DEEP);
    if (isAlias(node)) return this.#follow(node.source, at);
    const anchor = 'anchor' in node && typeof node.anchor === 'string' ? node.anchor : null;
    if (anchor !== null) this.#anchors.set(anchor, null);
    const built = this.#buildOwn(node, spot, at);
    if (anchor !== null) this.#anchors.set(anchor, built);
    return built;
  }

  #buildOwn(node: Node, spot: Spot, offset: number): TreeNode {
    const depth = spot.depth + 1;
    if (isSeq<Node | null>(node)) {
      const items = node.items.map((item, i) => this.build(item, { path: `${spot.path}[${i}]`, depth }, offset));
      return { kind: 'list', items, offset, size: items.reduce((sum, item) => sum + item.size, 1) };
    }
    if (isMap<Node | null, Node | null>(node)) {
      const entries = this.#entries(node.items, spot, offset);
      return { kind: 'map', entries, offset, size: entries.reduce((sum, entry) => sum + entry.value.size, 1) };
    }
    if (!isScalar(node)) throw new Refused(offset, 'this kind of value is not used in this file');
    const { value } = node;
    const source = node.source ?? '';
    const known = value === null || ['string', 'number', 'boolean'].includes(typeof value);
    return { kind: 'scalar', value: known ? (value as ScalarNode['value']) : source, source, offset, size: 1 };
  }

  #follow(name: string, offset: number): TreeNode {
    const target = this.#anchors.get(name);
    if (target === undefined) throw new Refused(offset, `there is no anchor &${name} above this alias`);
    if (target === null) throw new Refused(offset, `the alias *${name} stands inside what it stands for`);
    this.#aliased += target.size;
    if (this.#aliased > MAX_ALIASED) throw new Refused(offset, `aliases stand for more than ${MAX_ALIASED} values`);
    return target;
  }

  #entries(pairs: Pair<Node | null, Node | null>[], spot: Spot, mapOffset: number): Entry[] {
    const own = new Map<string, Entry>();
    const merged = new Map<string, Entry>();
    for (const pair of pairs) {
      const offset = pair.key?.range?.[0] ?? mapOffset;
      const depth = spot.depth + 1;
      const keyNode = this.build(pair.key, { path: spot.path, depth }, offset);
      if (keyNode.kind !== 'scalar') throw new Refused(offset, 'a key must be a plain word');
      const key = typeof keyNode.value === 'string' ? keyNode.value : keyNode.source;
      if (key === '') throw new Refused(offset, 'a key is missing before the colon');
      const path = childPath(spot.path, key);
      const value = this.build(pair.value, { path, depth }, offset);
      if (keyNode.source === '<<' && isScalar(pair.key) && pair.key.type === 'PLAIN') {
        for (const entry of mergedEntries(value, offset)) if (!merged.has(entry.key)) merged.set(entry.key, entry);
        continue;
      }
      const first = own.get(key);
      if (first === undefined) {
        own.set(key, { key, offset, value });
        continue;
      }
      const { line } = this.#findings.places.lines.linePos(first.offset);
      const message = `is given twice, first on line ${line}`;
      this.#findings.add({ keyPath: path, offset, message, hint: 'remove one of the two' });
    }
    return [...own.values(), ...[...merged.values()].filter((entry) => !own.has(entry.key))];
  }
}

function mergedEntries(value: TreeNode, offset: number): Entry[] {
  const sources = value.kind === 'list' ? value.items : [value];
  return sources.flatMap((source) => {
    if (source.kind !== 'map') throw new Refused(offset, '`<<` merges sections, and this is none');
    return source.entries;
  });
}
