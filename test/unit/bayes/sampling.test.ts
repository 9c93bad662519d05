import { describe, expect, it } from 'vitest';
import { Random } from '../../../lib/bayes/rng.js';
import { MAXIMUM_SOBOL_DIMENSIONS, SobolSequence } from '../../../lib/bayes/sobol.js';
import { UsageError } from '../../../lib/errors.js';
import { reference } from './reference.js';

describe('Random', () => {
  it('gives one sequence a seed, and goes on where a saved state stood', () => {
    const a = new Random(7);
    const b = new Random(7);
    const first = Array.from({ length: 5 }, () => a.uniform());
    expect(Array.from({ length: 5 }, () => b.uniform())).toEqual(first);
    expect(new Random(8).uniform()).not.toBe(first[0]);
    const copy = Random.restore(a.state());
    expect([copy.uniform(), copy.normal(), copy.integer(10)]).toEqual([a.uniform(), a.normal(), a.integer(10)]);
  });

  it('has the moments of the uniform and the normal distribution', () => {
    const random = new Random(1);
    const uniform = Array.from({ length: 20000 }, () => random.uniform());
    const normal = Array.from({ length: 20000 }, () => random.normal());
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    expect(mean(uniform)).toBeCloseTo(0.5, 1);
    expect(Math.min(...uniform)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform)).toBeLessThan(1);
    expect(Math.abs(mean(normal))).toBeLessThan(0.03);
    expect(Math.abs(mean(normal.map((value) => value * value)) - 1)).toBeLessThan(0.05);
  });
});

describe('SobolSequence', () => {
  it("is scipy's sequence before scrambling, in 40 dimensions", () => {
    const sequence = new SobolSequence(40, null);
    for (const expected of reference.sobol.points) {
      const point = sequence.next();
      expected.forEach((value, k) => expect(Math.abs(point[k] - value)).toBeLessThan(1e-9));
    }
  });

  it('puts one of 2^m scrambled points into every interval of length 2^-m, in every dimension', () => {
    const sequence = new SobolSequence(MAXIMUM_SOBOL_DIMENSIONS, new Random(3));
    const points = Array.from({ length: 64 }, () => sequence.next());
    for (let k = 0; k < MAXIMUM_SOBOL_DIMENSIONS; k++) {
      expect(new Set(points.map((point) => Math.floor(64 * point[k]))).size).toBe(64);
    }
  });

  it('refuses more dimensions than its table has', () => {
    expect(() => new SobolSequence(MAXIMUM_SOBOL_DIMENSIONS + 1, new Random(1))).toThrow(UsageError);
  });
});
