import { expect, test } from 'vitest';
import { namesOf } from '../../../../src/main/server/access.ts';

test.each<[string, object | undefined, string[]]>([
  ['nothing', undefined, []],
  ['a common name', { subject: { CN: 'm' } }, ['m']],
  ['several common names', { subject: { CN: ['m', 'n'] } }, ['m', 'n']],
  [
    'alternative names, addresses left out',
    { subject: {}, subjectaltname: 'DNS:m.example, IP Address:10.0.0.1, URI:spiffe://x/m' },
    ['m.example', 'spiffe://x/m'],
  ],
])('names of a certificate with %s', (_, certificate, names) => {
  expect(namesOf(certificate as Parameters<typeof namesOf>[0])).toEqual(names);
});
