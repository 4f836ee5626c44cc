/**
 * One reader for each kind of single value: from a scalar of the file and the field's limits to the value of the
 * typed model, or what is wrong. Pure; places and key paths are the caller's.
 */
import type { Field } from './fields.ts';
import {
  DURATION_FORM,
  type Parsed,
  parseDuration,
  parseHttpUrl,
  parseLoopbackAddress,
  parsePath,
  parseSize,
  SIZE_FORM,
  shown,
} from './formats.ts';
import { nearest } from './nearest-key.ts';
import type { ScalarNode, TreeNode } from './tree.ts';

type OfKind<K> = Extract<Field, { kind: K }>;
type TextKind = 'string' | 'path' | 'url' | 'loopback-address';
type NumberKind = 'integer' | 'number' | 'duration' | 'size';
export type ScalarKind = TextKind | NumberKind | 'optional-size' | 'boolean' | 'choice';
export type ScalarField = Extract<Field, { kind: ScalarKind }>;

const wrong = (message: string, hint = ''): Parsed<never> => ({ ok: false, message, hint });

/** What stands there, for a message. */
export function given(node: TreeNode): string {
  if (node.kind === 'list') return 'a list';
  if (node.kind === 'map') return 'a section';
  if (node.value === null) return 'nothing';
  const type = typeof node.value === 'string' ? 'text' : typeof node.value === 'number' ? 'number' : 'boolean';
  return `the ${type} ${shown(node.source === '' ? String(node.value) : node.source)}`;
}

/** Any text. A number or boolean is refused, since `1.10` and `no` do not mean the same to every reader. */
export function readText(node: ScalarNode): Parsed<string> {
  if (typeof node.value !== 'string') return wrong(`wants a text, given ${given(node)}`, `write "${node.source}"`);
  // neither paths nor arguments nor variables can carry it
  return node.value.includes('\0') ? wrong('has a NUL character in it') : { ok: true, value: node.value };
}

const FORMS: Record<Exclude<TextKind, 'string'>, (text: string) => Parsed<string>> = {
  path: parsePath,
  url: parseHttpUrl,
  'loopback-address': parseLoopbackAddress,
};

function readTextField(field: OfKind<TextKind>, node: ScalarNode): Parsed<string> {
  const text = readText(node);
  if (!text.ok || field.also?.includes(text.value)) return text;
  if (text.value === '') {
    if (field.default === '') return text;
    return wrong('is empty', field.default === null ? '' : `leave the key out for ${shown(field.default)}`);
  }
  const inForm = field.kind === 'string' ? text : FORMS[field.kind](text.value);
  if (!inForm.ok) return inForm;
  const inBytes = field.kind === 'path';
  const length = inBytes ? Buffer.byteLength(text.value) : [...text.value].length;
  if (field.maxLength !== undefined && length > field.maxLength) {
    return wrong(`is ${length} ${inBytes ? 'bytes' : 'characters'} long, at most ${field.maxLength} are allowed`);
  }
  if (field.pattern !== undefined && !field.pattern.regexp.test(text.value)) {
    return wrong(`must be ${field.pattern.says}, given ${shown(text.value)}`);
  }
  return text;
}

const NUMBER_FORMS: Record<NumberKind, string> = {
  integer: 'a whole number',
  number: 'a number',
  duration: DURATION_FORM,
  size: SIZE_FORM,
};

/** What a number of a kind may be. */
interface NumberLimits {
  kind: NumberKind;
  min?: number;
  max?: number;
}

/** A number within the limits. */
export function readNumberField(field: NumberLimits, node: ScalarNode): Parsed<number> {
  const parsed = numberOf(field.kind, node);
  if (!parsed.ok) return parsed;
  const { min = Number.NEGATIVE_INFINITY, max = Number.POSITIVE_INFINITY } = field;
  if (parsed.value >= min && parsed.value <= max) return parsed;
  const limit = parsed.value < min ? `at least ${quantity(field.kind, min)}` : `at most ${quantity(field.kind, max)}`;
  return wrong(`is ${shown(node.source)}, must be ${limit}`);
}

function numberOf(kind: NumberKind, node: ScalarNode): Parsed<number> {
  const { value } = node;
  const message = `wants ${NUMBER_FORMS[kind]}, given ${given(node)}`;
  if (typeof value === 'string') {
    if (kind === 'duration') return parseDuration(value);
    if (kind === 'size') return parseSize(value);
    return wrong(message, value.trim() !== '' && Number.isFinite(Number(value)) ? `write ${value.trim()}` : '');
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return wrong(message);
  if (kind === 'duration' && value !== 0) return wrong(message, `add the unit: \`${node.source}s\``);
  if (kind !== 'number' && !Number.isSafeInteger(value)) return wrong(message);
  return { ok: true, value };
}

/** A number as a person writes it in the file: `30s`, `20MB`, `5`. */
export function quantity(kind: NumberKind, value: number): string {
  const units: [string, number][] =
    kind === 'duration'
      ? [
          ['h', 3_600_000],
          ['m', 60_000],
          ['s', 1000],
          ['ms', 1],
        ]
      : kind === 'size'
        ? [
            ['GiB', 2 ** 30],
            ['GB', 1e9],
            ['MiB', 2 ** 20],
            ['MB', 1e6],
            ['KiB', 1024],
            ['KB', 1000],
          ]
        : [];
  const fits = value === 0 ? undefined : units.find(([, factor]) => value % factor === 0);
  if (fits !== undefined) return `${value / fits[1]}${fits[0]}`;
  return kind === 'duration' ? `${value}s` : String(value);
}

function readBoolean(node: ScalarNode): Parsed<boolean> {
  if (typeof node.value === 'boolean') return { ok: true, value: node.value };
  const word = String(node.value).toLowerCase();
  const meant = ['yes', 'on', 'y', '1', 'true'].includes(word) ? 'true' : null;
  const hint = meant ?? (['no', 'off', 'n', '0', 'false'].includes(word) ? 'false' : null);
  return wrong(`wants true or false, given ${given(node)}`, hint === null ? '' : `write ${hint}`);
}

export function readChoice(field: { choices: readonly string[] }, node: ScalarNode): Parsed<string> {
  if (typeof node.value === 'string' && field.choices.includes(node.value)) return { ok: true, value: node.value };
  const choices = field.choices.map((choice) => `\`${choice}\``).join(', ');
  const near = typeof node.value === 'string' ? nearest(node.value, field.choices) : null;
  return wrong(`wants one of ${choices}, given ${given(node)}`, near === null ? '' : `did you mean \`${near}\`?`);
}

/** The value of a field that is a single value. */
export function readScalar(field: ScalarField, node: ScalarNode): Parsed<string | number | boolean> {
  switch (field.kind) {
    case 'boolean':
      return readBoolean(node);
    case 'choice':
      return readChoice(field, node);
    case 'optional-size':
      return readNumberField({ ...field, kind: 'size' }, node);
    case 'integer':
    case 'number':
    case 'duration':
    case 'size':
      return readNumberField(field, node);
    default:
      return readTextField(field, node);
  }
}

/** What a field wants, for the message when something of another shape stands there. */
export function wanted(field: ScalarField): string {
  switch (field.kind) {
    case 'boolean':
      return 'true or false';
    case 'choice':
      return `one of ${field.choices.map((choice) => `\`${choice}\``).join(', ')}`;
    case 'optional-size':
      return NUMBER_FORMS.size;
    case 'integer':
    case 'number':
    case 'duration':
    case 'size':
      return NUMBER_FORMS[field.kind];
    default:
      return 'a text';
  }
}
