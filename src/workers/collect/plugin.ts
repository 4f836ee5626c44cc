/**
 * A collector of the user's own: a module with a function `collect(previousState, {options, name})` that gives
 * `{values, state}`. What it gives is checked here; its time limit and its thread are the caller's.
 */
import { pathToFileURL } from 'node:url';
import type { CollectTask } from '../../shared/contracts/jobs.ts';
import type { MetricRow, MetricValues } from '../../shared/contracts/metrics.ts';
import { DaemonError } from '../../shared/errors/daemon-error.ts';
import type { Collected } from './context.ts';

export type ImportModule = (url: string) => Promise<unknown>;

/**
 * The real import(): the bundler turns a written one into require(), which knows no file: URLs and no modules with
 * a top-level await.
 */
export const importModule: ImportModule = (url) =>
  (new Function('url', 'return import(url)') as (url: string) => Promise<unknown>)(url);

function property(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && name in value ? Reflect.get(value, name) : undefined;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isScalar(value: unknown): value is number | string {
  return typeof value === 'string' || Number.isFinite(value);
}

function wrong(name: string, what: string): DaemonError {
  return new DaemonError('D5001', `plugin ${name}: ${what}`);
}

function checkRow(name: string, key: string, row: unknown): MetricRow {
  if (!isPlainObject(row)) throw wrong(name, `values.${key} is no object: a list holds rows`);
  const checked: MetricRow = {};
  for (const [field, value] of Object.entries(row)) {
    if (!isScalar(value)) throw wrong(name, `values.${key}.${field} is neither a finite number nor a string`);
    checked[field] = value;
  }
  return checked;
}

/** @throws DaemonError D5001 that names the key which is neither a finite number, nor a string, nor a list of rows. */
export function checkValues(name: string, values: unknown): MetricValues {
  if (!isPlainObject(values)) throw wrong(name, 'collect() must give {values, state}, with values an object');
  const checked: MetricValues = {};
  for (const [key, value] of Object.entries(values)) {
    if (Array.isArray(value)) {
      checked[key] = value.map((row, index) => checkRow(name, `${key}[${index}]`, row));
    } else if (isScalar(value)) {
      checked[key] = value;
    } else {
      throw wrong(name, `values.${key} is neither a finite number, nor a string, nor a list of rows`);
    }
  }
  return checked;
}

function checkState(name: string, state: unknown): unknown {
  try {
    return structuredClone(state ?? null);
  } catch (error) {
    throw new DaemonError('D5001', `plugin ${name}: its state is not plain data`, { cause: error });
  }
}

/** @throws DaemonError D5001 for a module that does not load, has no `collect`, throws, or gives what is not a sample. */
export async function collectPlugin(
  name: string,
  plugin: NonNullable<CollectTask['plugin']>,
  previousState: unknown,
  load: ImportModule = importModule,
): Promise<Collected> {
  let module: unknown;
  try {
    module = await load(pathToFileURL(plugin.module).href);
  } catch (error) {
    throw new DaemonError('D5001', `plugin ${name}: cannot load ${plugin.module}`, { cause: error });
  }
  const collect = property(module, 'collect') ?? property(property(module, 'default'), 'collect');
  if (typeof collect !== 'function') throw wrong(name, `${plugin.module} exports no function collect`);
  let result: unknown;
  try {
    result = await collect(previousState, { options: plugin.options, name });
  } catch (error) {
    throw new DaemonError('D5001', `plugin ${name}: collect() failed`, { cause: error, retryable: true });
  }
  const values = property(result, 'values');
  return {
    values: values === null ? null : checkValues(name, values),
    state: checkState(name, property(result, 'state')),
    problem: null,
  };
}
