import { describe, expect, test } from 'vitest';
import { chooseProxy } from '../../../../src/shared/platform/proxy-choice.ts';

const PROXY = { HTTPS_PROXY: 'http://proxy.example:3128' };
const FOUND = { address: 'proxy.example:3128', authorization: '' };

describe('manager.proxy', () => {
  test('comes before the environment and its exceptions', () => {
    const environment = { ...PROXY, NO_PROXY: '*' };
    expect(chooseProxy('m:9090', 'http://other:1', environment)).toEqual({ address: 'other:1', authorization: '' });
    expect(chooseProxy('m:9090', 'none', PROXY)).toBeNull();
  });

  test('carries credentials, escaped ones too', () => {
    const proxy = chooseProxy('m:9090', 'http://us%40er:p%3Aw%25@proxy:8080/', {});
    expect(proxy).toEqual({ address: 'proxy:8080', authorization: `Basic ${btoa('us@er:p:w%')}` });
    expect(chooseProxy('m:9090', 'http://a:50%@proxy', {})?.authorization).toBe(`Basic ${btoa('a:50%')}`);
  });
});

describe('the environment', () => {
  test.each([
    [{}, null],
    [PROXY, FOUND],
    [{ https_proxy: 'http://proxy.example:3128' }, FOUND],
    [{ HTTPS_PROXY: 'proxy.example:3128' }, FOUND],
    [{ HTTPS_PROXY: 'http://proxy.example' }, { ...FOUND, address: 'proxy.example:80' }],
    [{ HTTPS_PROXY: 'http://[2001:db8::1]:3128' }, { ...FOUND, address: '[2001:db8::1]:3128' }],
    [{ HTTP_PROXY: 'http://proxy.example:3128' }, null],
  ])('%j', (environment, expected) => {
    expect(chooseProxy('manager.example:9090', '', environment)).toEqual(expected);
  });

  test.each([
    ['https://proxy:1', /only http:\/\//],
    ['http://', /no URL/],
  ])('%s: D2001', (value, message) => {
    expect(() => chooseProxy('m:1', '', { HTTPS_PROXY: value })).toThrow(
      expect.objectContaining({ code: 'D2001', message: expect.stringMatching(message) }),
    );
  });

  test('credentials are in no message', () => {
    try {
      chooseProxy('m:1', '', { HTTPS_PROXY: 'https://user:hunter2@proxy:1' });
      expect.unreachable();
    } catch (error) {
      expect(String(error)).not.toContain('hunter2');
    }
  });

  test.each([
    ['127.0.0.1:9090', '', false],
    ['localhost:9090', '', false],
    ['[::1]:9090', '', false],
    ['manager.example:9090', '*', false],
    ['manager.example:9090', 'example', false],
    ['manager.example:9090', '.example', false],
    ['manager.example:9090', '*.example', false],
    ['Manager.Example.:9090', 'manager.example', false],
    ['manager.example:9090', 'other, manager.example:9090', false],
    ['manager.example:9090', 'manager.example:443', true],
    ['manager.example:9090', 'ample', true],
    ['manager.example:9090', 'a.manager.example', true],
    ['10.1.2.3:9090', '10.1.2.3', false],
    ['10.1.2.3:9090', '10.1.2.3:9090', false],
    ['10.1.2.3:9090', '10.0.0.0/8', false],
    ['11.1.2.3:9090', '10.0.0.0/8', true],
    ['10.1.2.3:9090', '10.0.0.0/99', true],
    ['10.1.2.3:9090', '2.3', true],
    ['[2001:db8::5]:9090', '2001:db8::/32', false],
    ['[2001:db8::5]:9090', '2001:db8::5', false],
    ['[2001:db8::5]:9090', '[2001:db8::5]:9090', false],
    ['manager.example:9090', '2001:db8::/32 10.0.0.0/8', true],
  ])('%s with NO_PROXY=%s goes through it: %s', (address, except, through) => {
    expect(chooseProxy(address, '', { ...PROXY, NO_PROXY: except })).toEqual(through ? FOUND : null);
    expect(chooseProxy(address, '', { ...PROXY, no_proxy: except })).toEqual(through ? FOUND : null);
  });
});
