import { describe, expect, it } from 'vitest';
import {
  logExpectedStandardImprovement,
  logNormalDistribution,
  normalDensity,
  normalDistribution,
} from '../../../lib/bayes/normal.js';
import { reference } from './reference.js';

describe('the normal distribution', () => {
  it("agrees with scipy's log distribution and density", () => {
    const { z, logDistribution, density } = reference.normal;
    z.forEach((value, index) => {
      const expected = logDistribution[index];
      const error = Math.abs(logNormalDistribution(value).value - expected);
      // Near 1 the logarithm is the tail beyond z, where scipy itself keeps some ten digits.
      expect(error).toBeLessThan(1e-13 * Math.max(1, Math.abs(expected)));
      expect(normalDensity(value)).toBeCloseTo(density[index], 14);
      expect(normalDistribution(value)).toBeCloseTo(Math.exp(expected), 14);
    });
  });

  it('has slopes that finite differences show, on both sides of the seam', () => {
    for (const f of [logNormalDistribution, logExpectedStandardImprovement]) {
      for (const z of [-30, -5, -2.1, -2.00001, -1.99999, -1, 0, 1, 4]) {
        const step = 1e-5;
        const expected = (f(z + step).value - f(z - step).value) / (2 * step);
        expect(Math.abs(f(z).slope / expected - 1)).toBeLessThan(1e-7);
      }
    }
  });
});

describe('log expected improvement', () => {
  it('is finite, increasing and has finite slopes down to -1e4 deviations and beyond', () => {
    let previous = -Infinity;
    for (const z of [
      -1e8, -1e6, -1e4, -9999, -1000, -100, -40, -38, -10, -3, -2.0001, -2, -1.9999, -1, 0, 5, 40, 1e4,
    ]) {
      const { value, slope, densityRatio } = logExpectedStandardImprovement(z);
      expect(Number.isFinite(value)).toBe(true);
      expect(value).toBeGreaterThan(previous);
      expect(Number.isFinite(slope) && slope > 0).toBe(true);
      expect(Number.isFinite(densityRatio) && densityRatio >= 0).toBe(true);
      previous = value;
    }
  });

  it('follows its asymptote -z^2/2 - log(sqrt(2 pi)) - 2 log|z| far below', () => {
    const z = -1e4;
    const asymptote = -0.5 * z * z - 0.5 * Math.log(2 * Math.PI) - 2 * Math.log(-z);
    expect(logExpectedStandardImprovement(z).value).toBeCloseTo(asymptote, 6);
  });
});
