import { describe, expect, test } from 'vitest';
import { type Family, renderFamilies } from '../../../../src/main/status/exposition.ts';

const family = (series: Family['series'], over: Partial<Family> = {}): Family => ({
  ...{ name: 'things', type: 'gauge', help: 'Things.' },
  ...over,
  series,
});

describe('renderFamilies', () => {
  test('HELP and TYPE once each, then a line a series, in the order that was given', () => {
    const text = renderFamilies([
      family([
        { labels: { b: '1', a: '2' }, value: 1.5 },
        { labels: {}, value: 3 },
      ]),
      family([{ labels: {}, value: 0 }], { name: 'made_total', type: 'counter', help: 'Made\\a\nb.' }),
    ]);
    expect(text).toBe(
      [
        '# HELP things Things.',
        '# TYPE things gauge',
        'things{b="1",a="2"} 1.5',
        'things 3',
        '# HELP made_total Made\\\\a\\nb.',
        '# TYPE made_total counter',
        'made_total 0',
        '',
      ].join('\n'),
    );
  });

  test.each([
    ['a"b', 'a\\"b'],
    ['a\\b', 'a\\\\b'],
    ['a\nb', 'a\\nb'],
    ['\\n', '\\\\n'],
    ['é\u202e\t', 'é\u202e\t'],
    ['\ud800', '\ufffd'],
  ])('label value %j', (value, shown) => {
    expect(renderFamilies([family([{ labels: { l: value }, value: 1 }])])).toContain(`things{l="${shown}"} 1\n`);
  });

  test('of series with the same labels the first stands; those that become the same are the same', () => {
    const text = renderFamilies([
      family([
        { labels: { l: '\ud800' }, value: 1 },
        { labels: { l: '\udc00' }, value: 2 },
      ]),
    ]);
    expect(text.match(/^things/gm)).toHaveLength(1);
    expect(text).toContain(' 1\n');
  });

  test('figures that are no numbers, and very large ones, have the forms of the format', () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e21, 2 ** 53, -0.5];
    const text = renderFamilies([family(values.map((value, index) => ({ labels: { l: `${index}` }, value })))]);
    expect(text.match(/ \S+$/gm)?.slice(2)).toEqual([' NaN', ' +Inf', ' -Inf', ' 1e+21', ' 9007199254740992', ' -0.5']);
  });

  test('a family without series is not mentioned', () => {
    expect(renderFamilies([family([])])).toBe('');
  });
});
