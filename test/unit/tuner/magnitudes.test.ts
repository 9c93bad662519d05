import { describe, expect, it } from 'vitest';
import { Random } from '../../../lib/bayes/rng.js';
import { HYSTERESIS, MagnitudeDistribution } from '../../../lib/tuner/magnitudes.js';

/** The native histogram, written plainly: counts by the upper 16 bits of |w|. */
function histogramOf(weights: Float32Array, mask: Uint8Array): { kept: Uint32Array; pruned: Uint32Array } {
  const kept = new Uint32Array(32768);
  const pruned = new Uint32Array(32768);
  const bits = new Uint32Array(weights.map(Math.abs).buffer);
  bits.forEach((pattern, index) => (mask[index] ? kept : pruned)[pattern >>> 16]++);
  return { kept, pruned };
}

function normalWeights(count: number, seed: number): Float32Array {
  const random = new Random(seed);
  return Float32Array.from({ length: count }, () => 0.05 * random.normal());
}

describe('MagnitudeDistribution', () => {
  const weights = normalWeights(50_000, 3);
  const mask = Uint8Array.from(weights, (weight, index) => (Math.abs(weight) > 0.02 || index % 7 === 0 ? 1 : 0));
  const distribution = new MagnitudeDistribution(histogramOf(weights, mask));

  it('counts every weight', () => {
    expect(distribution.count).toBe(50_000);
  });

  it.each([0.9, 0.5, 0.1, 0.01])('finds the threshold that keeps a density of %s', (density) => {
    const threshold = distribution.thresholdFor(density);
    const above = weights.filter((weight) => Math.abs(weight) >= threshold).length;
    expect(above / weights.length).toBeCloseTo(density, 2.5);
  });

  it('keeps everything at density 1', () => {
    expect(distribution.thresholdFor(1)).toBe(0);
  });

  it('counts what hysteresis leaves: kept ones down to 0.9 t, pruned ones only from 1.1 t', () => {
    const threshold = 0.06;
    const left = weights.filter((weight, index) => {
      const magnitude = Math.abs(weight);
      return magnitude >= (mask[index] ? HYSTERESIS.lower : HYSTERESIS.upper) * threshold;
    }).length;
    expect(Math.abs(distribution.keptBy(threshold) - left)).toBeLessThan(0.01 * left);
  });

  it('takes a layer of equal weights without dividing by nothing', () => {
    const equal = new MagnitudeDistribution(histogramOf(new Float32Array(100).fill(0.5), new Uint8Array(100).fill(1)));
    expect(Number.isFinite(equal.thresholdFor(0.3))).toBe(true);
  });
});
