/** A partial model made whole: what is absent is inherited where that is possible, else it is the schema's default. */
import type { Field, Fields } from './fields.ts';
import type { PartialModel } from './read.ts';

/**
 * The section with every field of the schema. `inherited` has values that come before the schema's defaults; `root` is
 * the whole file, where entries of lists find what they inherit. A mandatory value that is missing, which has been
 * reported by then, becomes an empty one, so that later checks find the shape that they expect.
 */
export function complete(
  fields: Fields,
  given: PartialModel,
  inherited: PartialModel,
  root: PartialModel,
): PartialModel {
  const whole: PartialModel = {};
  for (const field of Object.values(fields)) {
    if (field.kind !== 'ignored') whole[field.name] = completeField(field, given, inherited, root);
  }
  return whole;
}

function completeField(field: Field, given: PartialModel, inherited: PartialModel, root: PartialModel): unknown {
  const value = given[field.name];
  switch (field.kind) {
    case 'section':
      return complete(field.fields, asPartial(value), asPartial(inherited[field.name]), root);
    case 'switched-section': {
      const section = asPartial(value);
      return { ...complete(field.fields, section, {}, root), off: section['off'] === true };
    }
    case 'section-list': {
      const base = asPartial(field.inherits === undefined ? undefined : root[field.inherits]);
      return (Array.isArray(value) ? value : []).map((entry) => complete(field.fields, asPartial(entry), base, root));
    }
    case 'named-sections':
      return Object.fromEntries(
        Object.entries(asPartial(value)).map(([name, section]) => [
          name,
          complete(field.fields, asPartial(section), {}, root),
        ]),
      );
    case 'address-list':
      return value ?? [];
    case 'string-map':
    case 'free-map':
      return value ?? {};
    case 'string-list':
    case 'integer-list':
      return value ?? inherited[field.name] ?? [...field.default];
    case 'optional-string-list':
    case 'optional-size':
      return value ?? inherited[field.name] ?? null;
    case 'ignored':
      return undefined;
    default:
      return value ?? inherited[field.name] ?? field.default ?? emptyOf(field.kind);
  }
}

function emptyOf(kind: Field['kind']): unknown {
  return ['integer', 'number', 'duration', 'size'].includes(kind) ? 0 : '';
}

function asPartial(value: unknown): PartialModel {
  return typeof value === 'object' && value !== null ? Object.fromEntries(Object.entries(value)) : {};
}
