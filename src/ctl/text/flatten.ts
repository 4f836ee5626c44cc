/** The configuration in force, a line a value, each with where it comes from. Pure. */
import type { ConfigOrigin } from '../../shared/contracts/control.ts';

export interface FlatValue {
  /** `manager.tls.ca_file`, `agents[0].id`. */
  path: string;
  /** As JSON, texts without quotes. */
  value: string;
  /** `default`, `FILE:LINE`; empty where it is not known. */
  from: string;
}

/** What is said of a section holds for what it has in it. */
export function flattened(effective: object, origins: readonly ConfigOrigin[]): FlatValue[] {
  const known = new Map(origins.map(({ path, from }) => [path, from]));
  return [...walk('', effective, '', known)];
}

function* walk(
  path: string,
  value: unknown,
  inherited: string,
  known: ReadonlyMap<string, string>,
): Generator<FlatValue> {
  const from = known.get(path) ?? inherited;
  if (Array.isArray(value) && value.some((item) => typeof item === 'object' && item !== null)) {
    for (const [n, item] of value.entries()) yield* walk(`${path}[${n}]`, item, from, known);
  } else if (typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length > 0) {
    for (const [key, item] of Object.entries(value)) yield* walk(below(path, key), item, from, known);
  } else {
    yield { path, value: typeof value === 'string' ? value : JSON.stringify(value), from };
  }
}

function below(path: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${path}[${JSON.stringify(key)}]`;
  return path === '' ? key : `${path}.${key}`;
}
