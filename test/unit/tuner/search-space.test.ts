import { describe, expect, it } from 'vitest';
import { MagnitudeDistribution } from '../../../lib/tuner/magnitudes.js';
import { SearchSpace, leastDensity } from '../../../lib/tuner/search-space.js';

/** Magnitudes spread evenly over 100 bins around 0.1, all kept. */
function evenDistribution(perBin: number): MagnitudeDistribution {
  const kept = new Uint32Array(32768);
  const first = 0x3dcc;
  kept.fill(perBin, first, first + 100);
  return new MagnitudeDistribution({ kept, pruned: new Uint32Array(32768) });
}

const LAYERS = [
  { name: 'conv.weight', count: 10_000, outputs: 20 },
  { name: 'fc.weight', count: 100_000, outputs: 100 },
];

describe('SearchSpace', () => {
  const space = new SearchSpace(LAYERS, [evenDistribution(100), evenDistribution(1000)], 120);

  it('asks for every weight at the origin', () => {
    expect(space.densities([0, 0])).toEqual([1, 1]);
    expect(space.keptParameters([0, 0])).toBe(110_120);
    expect(space.thresholds([0, 0])).toEqual({ 'conv.weight': 0, 'fc.weight': 0 });
  });

  it("asks for each layer's least density at the far corner", () => {
    const densities = space.densities([1, 1]);
    LAYERS.forEach((layer, index) => expect(densities[index]).toBeCloseTo(leastDensity(layer), 12));
  });

  it('finds the point of given densities again', () => {
    const point = [0.3, 0.8];
    space.pointFor(space.densities(point)).forEach((x, index) => expect(x).toBeCloseTo(point[index], 12));
  });

  it('finds the one threshold that keeps a share of all weights together', () => {
    const threshold = space.globalThreshold(0.25);
    const above = evenDistribution(100).countAbove(threshold) + evenDistribution(1000).countAbove(threshold);
    expect(above / 110_000).toBeCloseTo(0.25, 4);
  });

  it('keeps fewer parameters the further a coordinate goes', () => {
    const counts = [0, 0.2, 0.4, 0.6, 0.8, 1].map((x) => space.keptParameters([0.1, x]));
    for (let index = 1; index < counts.length; index++) expect(counts[index]).toBeLessThan(counts[index - 1]);
  });

  it('goes deeper in larger layers, and never leaves the cube', () => {
    const [conv, fullyConnected] = space.densities(space.pruneFurther([0, 0], 0.5));
    expect(fullyConnected).toBeCloseTo(Math.exp(-0.5), 12);
    expect(conv).toBeCloseTo(Math.exp(-0.5 * Math.sqrt(0.1)), 12);
    for (const x of space.pruneFurther([0.9, 0.9], 50)) expect(x).toBe(1);
    for (const x of space.pruneFurther([0.1, 0.1], -50)) expect(x).toBe(0);
  });

  it('leaves two weights an output on average at least', () => {
    expect(leastDensity({ name: 'x', count: 400, outputs: 100 })).toBe(0.5);
    expect(leastDensity({ name: 'x', count: 1e8, outputs: 10 })).toBe(0.002);
  });
});
