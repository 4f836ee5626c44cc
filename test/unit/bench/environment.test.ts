import { expect, test } from 'vitest';
import { unwantedVariables } from '../../../bench/environment.ts';

test('what changes Node is unset; what a service manager gives stays', () => {
  const environment = {
    SSL_CERT_FILE: '/ca.pem',
    PATH: '/bin',
    NODE_OPTIONS: '--inspect',
    LC_ALL: 'C',
    NODE_EXTRA_CA_CERTS: '/ca.pem',
    HOME: '/root',
    MY_PATH: 'x',
  };
  expect(unwantedVariables(environment)).toEqual(['MY_PATH', 'NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS', 'SSL_CERT_FILE']);
});
