import { describe, expect, test } from 'vitest';
import { HotPages } from '../../../../src/main/footprint/hot-pages.ts';
import { PAGE_BYTES, type Range } from '../../../../src/main/footprint/mappings.ts';

const LOOKS = 8;
const ENOUGH = 6;
const range = (start: number, pages: number): Range => ({
  start: start * PAGE_BYTES,
  end: (start + pages) * PAGE_BYTES,
});
/** The numbers of the pages of these ranges. */
const pagesOf = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ start, end }) =>
    Array.from({ length: (end - start) / PAGE_BYTES }, (_, at) => start / PAGE_BYTES + at),
  );

/** Has looked `looks` times, at each of which `isThere` said which pages were. */
function looked(ranges: Range[], isThere: (page: number, look: number) => boolean, looks = LOOKS): HotPages {
  const hot = new HotPages(ranges);
  for (let look = 0; look < looks; look++) {
    const told = hot.look((pairs, counts) => {
      expect(pairs).toHaveLength(2);
      const first = Number(pairs[0]) / PAGE_BYTES;
      expect(counts).toHaveLength(Number(pairs[1]) / PAGE_BYTES);
      counts.forEach((count, at) => {
        counts[at] = count + Number(isThere(first + at, look));
      });
      return true;
    });
    expect(told).toBe(true);
  }
  return hot;
}

describe('HotPages', () => {
  test('has learned after some looks, and not before', () => {
    expect(looked([range(1, 4)], () => true, LOOKS - 1).learned).toBe(false);
    expect(looked([range(1, 4)], () => true).learned).toBe(true);
    expect(new HotPages([]).learned).toBe(false);
  });

  test('a page is hot that was there most of the time', () => {
    const ranges = [range(10, 8)];
    expect(pagesOf(looked(ranges, (page, look) => look < page - 10).others())).toEqual(
      pagesOf(ranges).filter((page) => page - 10 < ENOUGH),
    );
  });

  test.each<[string, (page: number) => boolean]>([
    ['none', () => false],
    ['all', () => true],
    ['the first and the last', (page) => [10, 17, 30, 34].includes(page)],
    ['every other', (page) => page % 2 === 0],
    ['two beside each other', (page) => page === 12 || page === 13],
    ['all but one', (page) => page !== 33],
    ['all of one range', (page) => page < 30],
  ])('others() are exactly all pages but the hot ones: %s', (_, isHot) => {
    const ranges = [range(10, 8), range(30, 5), range(35, 1)];
    const others = looked(ranges, isHot).others();
    expect(pagesOf(others)).toEqual(pagesOf(ranges).filter((page) => !isHot(page)));
    for (const { start, end } of others) {
      expect(end).toBeGreaterThan(start);
      // no range reaches over the end of one that was given
      expect(ranges.some((whole) => start >= whole.start && end <= whole.end)).toBe(true);
    }
  });

  test('says where it cannot be told, of the first range or a later one', () => {
    for (const silent of [0, 1]) {
      const hot = new HotPages([range(10, 2), range(20, 2)]);
      let asked = 0;
      expect(hot.look(() => asked++ !== silent)).toBe(false);
    }
  });
});
