import { describe, expect, it } from 'vitest';
import { median, missingRow, quantile, rowOf } from '../../../lib/bench/statistics.js';

describe('median', () => {
  it('is the middle value, or the mean of the two in the middle, in any order', () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 10])).toBe(3.5);
  });

  it('is not a number of nothing, nor where one of the values is none', () => {
    expect(median([])).toBeNaN();
    expect(median([1, NaN, 2, 3, 4])).toBeNaN();
  });

  it('takes infinities and ties as they are', () => {
    expect(median([Infinity, 1, Infinity])).toBe(Infinity);
    expect(median([2, 2, 2, 2])).toBe(2);
    expect(median([7])).toBe(7);
  });
});

describe('quantile', () => {
  it('is the smallest value that at least the share does not exceed', () => {
    expect(quantile([3, 1, 2, 4], 0.5)).toBe(2);
    expect(quantile([3, 1, 2, 4], 0.99)).toBe(4);
    expect(quantile([3, 1], 0)).toBe(1);
    expect(quantile([5], 0.99)).toBe(5);
  });

  it('is not a number of nothing, nor where one of the values is none', () => {
    expect(quantile([], 0.99)).toBeNaN();
    expect(quantile([1, NaN, 2], 0.5)).toBeNaN();
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

  it('takes more values than a function can have arguments', () => {
    const values = Array.from({ length: 300_000 }, (_, index) => index);
    expect(rowOf('a', 'ms', 'low', values).worst).toBe(299_999);
    expect(rowOf('a', '1/s', 'high', values).worst).toBe(0);
  });

  it('has no worst of nothing', () => {
    expect(rowOf('a', 'ms', 'low', []).worst).toBeNaN();
    expect(rowOf('a', '1/s', 'high', []).worst).toBeNaN();
  });
});

describe('missingRow', () => {
  it('is a row for JSON without a number, and with the reason', () => {
    expect(JSON.parse(JSON.stringify(missingRow('PyTorch, compiled: a step', 'seconds', 'no compiler')))).toEqual({
      ...{ name: 'PyTorch, compiled: a step', unit: 'seconds', median: null, worst: null, medianSeconds: null },
      ...{ values: [], missing: 'no compiler' },
    });
  });
});
