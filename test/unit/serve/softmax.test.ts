import { describe, expect, it } from 'vitest';
import { softmax, topIndices } from '../../../lib/serve/softmax.js';

describe('softmax', () => {
  it('gives probabilities in the ratio of the exponentials', () => {
    const [a = 0, b = 0, c = 0] = softmax([0, Math.log(2), Math.log(5)]);
    expect(a).toBeCloseTo(1 / 8, 12);
    expect(b).toBeCloseTo(2 / 8, 12);
    expect(c).toBeCloseTo(5 / 8, 12);
  });

  it('survives logits whose exponentials overflow', () => {
    expect([...softmax([1000, 1000])]).toEqual([0.5, 0.5]);
    expect([...softmax([-1000, 0])]).toEqual([0, 1]);
  });
});

describe('topIndices', () => {
  it('orders by value, the lower index first among equals', () => {
    expect(topIndices([0.1, 0.5, 0.5, 0.9], 3)).toEqual([3, 1, 2]);
  });

  it('gives no more than there are', () => {
    expect(topIndices([1, 2], 5)).toEqual([1, 0]);
  });
});
