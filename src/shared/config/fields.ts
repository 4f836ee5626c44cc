/**
 * The terms in which the configuration's schema is written. A field is data: its key in the file, its name in the
 * typed model (with the unit), its default, its limits and the text of the reference. The model's TypeScript type is
 * derived from the fields, so that there is one place to change.
 */
interface Common<Name extends string> {
  /** The field's name in the typed model. */
  name: Name;
  /** One or two sentences for the reference in docs/. */
  doc: string;
}

/** `default: null` makes a field mandatory where its section is given. */
export interface TextField<Name extends string> extends Common<Name> {
  /** loopback-address: an IP address of this host's own, and a port. */
  kind: 'string' | 'path' | 'url' | 'loopback-address';
  default: string | null;
  /** In characters; of a path in bytes, which is what the kernel counts. */
  maxLength?: number;
  /** Values that are taken although they have not the kind's form, such as `-`. */
  also?: readonly string[];
  pattern?: { regexp: RegExp; says: string };
}
export interface BooleanField<Name extends string> extends Common<Name> {
  kind: 'boolean';
  default: boolean;
}
export interface NumberField<Name extends string> extends Common<Name> {
  /** duration: `30s`, `1m30s` → milliseconds; size: `500MB` or bytes → bytes; number may have a fraction. */
  kind: 'integer' | 'number' | 'duration' | 'size';
  default: number | null;
  min?: number;
  max?: number;
}
/** null when the key is absent, since 0 is a value like any other. */
export interface OptionalSizeField<Name extends string> extends Common<Name> {
  kind: 'optional-size';
  min?: number;
  max?: number;
}
export interface IntegerListField<Name extends string> extends Common<Name> {
  kind: 'integer-list';
  default: readonly number[];
  /** Of each item. */
  min?: number;
  max?: number;
}
export interface ChoiceField<Name extends string, Choice extends string> extends Common<Name> {
  kind: 'choice';
  choices: readonly Choice[];
  default: Choice | null;
}
export interface TextListField<Name extends string> extends Common<Name> {
  kind: 'string-list';
  default: readonly string[];
  /** What each text must be one of; absent: any. */
  choices?: readonly string[];
}
/** One `HOST:PORT` or a list of them; the model has a list. Mandatory where its section is given. */
export interface AddressListField<Name extends string> extends Common<Name> {
  kind: 'address-list';
  default: null;
}
/** null when the key is absent, which may mean something else than an empty list. */
export interface OptionalTextListField<Name extends string> extends Common<Name> {
  kind: 'optional-string-list';
}
export interface TextMapField<Name extends string> extends Common<Name> {
  kind: 'string-map';
  /** What a key must look like. */
  keyPattern?: { regexp: RegExp; says: string };
}
/** Any mapping of plain data, handed on as it is (a plugin's options). */
export interface FreeMapField<Name extends string> extends Common<Name> {
  kind: 'free-map';
}
export interface SectionField<Name extends string, F extends Fields> extends Common<Name> {
  kind: 'section';
  fields: F;
  /** Without it the section may be left out and every field has its default. */
  required?: boolean;
}
/** A section that may also be the word `off`; the model says so in `off`. */
export interface SwitchedSectionField<Name extends string, F extends Fields> extends Common<Name> {
  kind: 'switched-section';
  fields: F;
}
export interface SectionListField<Name extends string, F extends Fields> extends Common<Name> {
  kind: 'section-list';
  fields: F;
  /** The field (by key) whose value must be different in each entry. */
  unique: string;
  /** Name (in the model) of the top-level section that stands in, field by field, for what an entry leaves out. */
  inherits?: string;
}
/** Sections under names that the user chooses: every key that the section's own fields do not name. */
export interface NamedSectionsField<Name extends string, F extends Fields> extends Common<Name> {
  kind: 'named-sections';
  fields: F;
  namePattern: { regexp: RegExp; says: string };
}
/** Accepted because files in use have it, ignored with a notice. */
export interface IgnoredField extends Common<'ignored'> {
  kind: 'ignored';
}

export type Field =
  | TextField<string>
  | BooleanField<string>
  | NumberField<string>
  | OptionalSizeField<string>
  | IntegerListField<string>
  | ChoiceField<string, string>
  | TextListField<string>
  | AddressListField<string>
  | OptionalTextListField<string>
  | TextMapField<string>
  | FreeMapField<string>
  | SectionField<string, Fields>
  | SwitchedSectionField<string, Fields>
  | SectionListField<string, Fields>
  | NamedSectionsField<string, Fields>
  | IgnoredField;

export interface Fields {
  readonly [key: string]: Field;
}

type OfNumbers<F> = F extends { kind: 'integer-list' } ? number[] : number | null;

/** The value in the typed model that a field gives. */
export type ValueOf<F> = F extends { kind: TextField<string>['kind'] }
  ? string
  : F extends { kind: 'boolean' }
    ? boolean
    : F extends { kind: 'integer' | 'number' | 'duration' | 'size' }
      ? number
      : F extends { kind: 'optional-size' | 'integer-list' }
        ? OfNumbers<F>
        : F extends { kind: 'choice'; choices: readonly (infer C)[] }
          ? C
          : F extends { kind: 'string-list' | 'address-list' }
            ? string[]
            : F extends { kind: 'optional-string-list' }
              ? string[] | null
              : F extends { kind: 'string-map' }
                ? Record<string, string>
                : F extends { kind: 'free-map' }
                  ? Record<string, unknown>
                  : F extends { kind: 'section'; fields: infer S }
                    ? ModelOf<S>
                    : F extends { kind: 'switched-section'; fields: infer S }
                      ? ModelOf<S> & { off: boolean }
                      : F extends { kind: 'section-list'; fields: infer S }
                        ? ModelOf<S>[]
                        : F extends { kind: 'named-sections'; fields: infer S }
                          ? Record<string, ModelOf<S>>
                          : never;

export type ModelOf<F> = {
  [K in keyof F as F[K] extends { kind: 'ignored' }
    ? never
    : F[K] extends { name: infer N extends string }
      ? N
      : never]: ValueOf<F[K]>;
};
