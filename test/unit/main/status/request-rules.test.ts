import { describe, expect, test } from 'vitest';
import { judge, type RequestFacts } from '../../../../src/main/status/request-rules.ts';

const facts = (over: Partial<RequestFacts> = {}): RequestFacts => ({
  ...{ method: 'GET', target: '/metrics', hosts: ['127.0.0.1:9092'], hasBody: false },
  ...over,
});
const status = (over: Partial<RequestFacts>, address = '127.0.0.1:9092') => {
  const verdict = judge(facts(over), address);
  return 'status' in verdict ? verdict.status : verdict.path;
};

describe('judge', () => {
  test.each(['127.0.0.1:9092', 'localhost:9092', 'LocalHost:9092', '[::1]:9092'])('answers to %s', (host) => {
    expect(status({ hosts: [host] })).toBe('/metrics');
  });

  test.each([
    [[]],
    [['']],
    [['evil.example:9092']],
    [['127.0.0.1']],
    [['127.0.0.1:80']],
    [['localhost.evil.example:9092']],
    [['evil.example@127.0.0.1:9092']],
    [['127.0.0.1:9092', 'evil.example']],
    [['127.0.0.2:9092']],
    [['127.1:9092']],
    [['localhost.:9092']],
  ])('refuses the hosts %j', (hosts) => {
    expect(status({ hosts })).toBe(421);
  });

  test('answers to its own address, and without a port only where that is the port of HTTP', () => {
    expect(status({ hosts: ['127.0.0.2:9092'] }, '127.0.0.2:9092')).toBe('/metrics');
    expect(status({ hosts: ['localhost'] }, '[::1]:80')).toBe('/metrics');
    expect(status({ hosts: ['localhost'] }, '[::1]:8080')).toBe(421);
  });

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'get', ''])('refuses %s', (method) => {
    expect(judge(facts({ method }), '127.0.0.1:9092')).toMatchObject({ status: 405, headers: { allow: 'GET, HEAD' } });
  });

  test('HEAD is taken, a body is not, nor is a target that is no path', () => {
    expect(status({ method: 'HEAD', target: '/?a=b?c' })).toBe('/');
    expect(status({ hasBody: true })).toBe(413);
    expect(status({ target: 'http://127.0.0.1:9092/' })).toBe(400);
    expect(status({ target: '*' })).toBe(400);
  });
});
