import { describe, expect, it } from 'vitest';
import { median, rowOf } from '../../../lib/bench/statistics.js';

describe('median', () => {
  it('is the middle value, or the mean of the two in the middle, in any order', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 10])).toBe(3.5);
  });

  it('is not a number of nothing', () => {
    expect(median([])).toBeNaN();
  });
});

describe('rowOf', () => {
  it('names the unfavourable end as the worst, whichever it is', () => {
    expect(rowOf('a', 'regret', 'low', [1, 2, 9]).worst).toBe(9);
    expect(rowOf('a', 'compression', 'high', [1, 2, 9]).worst).toBe(1);
  });

  it('has the median time where times were taken', () => {
    expect(rowOf('a', 'regret', 'low', [1, 2], [3, 5]).medianSeconds).toBe(4);
    expect(rowOf('a', 'regret', 'low', [1, 2]).medianSeconds).toBeNull();
  });
});
