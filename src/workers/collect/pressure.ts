/** Pressure stall information (kernel: Documentation/accounting/psi.rst): the share of time that work waited. */
import { readOptional } from './read.ts';

const AVERAGES = ['avg10', 'avg60'];

/** `pressure_<resource>_<some|full>_<average>`, percent. `some` or `full` may be missing, as may the file. */
export function parsePressure(resource: string, text: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const line of text.split('\n')) {
    const [scope, ...fields] = line.split(' ');
    if (scope !== 'some' && scope !== 'full') continue;
    for (const field of fields) {
      const [name = '', number = ''] = field.split('=');
      if (AVERAGES.includes(name) && /^\d+(\.\d+)?$/.test(number)) {
        values[`pressure_${resource}_${scope}_${name}`] = Number(number);
      }
    }
  }
  return values;
}

export function readPressure(procRoot: string): Record<string, number> {
  const values: Record<string, number> = {};
  for (const resource of ['cpu', 'memory', 'io']) {
    const text = readOptional(`${procRoot}/pressure/${resource}`);
    if (text !== null) Object.assign(values, parsePressure(resource, text));
  }
  return values;
}
