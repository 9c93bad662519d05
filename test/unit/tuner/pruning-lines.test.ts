import { describe, expect, it } from 'vitest';
import { MagnitudeDistribution } from '../../../lib/tuner/magnitudes.js';
import { PruningLines } from '../../../lib/tuner/pruning-lines.js';
import { SearchSpace } from '../../../lib/tuner/search-space.js';

/** Layers with magnitudes spread over 500 bins; every layer's begin at another bin, so that their scales differ. */
function spaceOf(counts: readonly number[]): SearchSpace {
  const layers = counts.map((count, index) => ({ name: `layer${index}`, count, outputs: 8 }));
  const distributions = counts.map((count, index) => {
    const kept = new Uint32Array(32768);
    const first = 0x3c00 + 100 * index;
    kept.fill(count / 500, first, first + 500);
    return new MagnitudeDistribution({ kept, pruned: new Uint32Array(32768) });
  });
  return new SearchSpace(layers, distributions, 100);
}

describe('PruningLines', () => {
  const space = spaceOf([5_000, 50_000, 500_000]);
  const dense = [0, 0, 0];

  it('finds the point of a size on every line', () => {
    const lines = new PruningLines(space, dense);
    for (let line = 0; line < lines.count; line++) {
      const size = space.keptParameters(lines.point(line, 1)) / space.totalParameters;
      expect(size).toBeCloseTo(Math.exp(-1), 3);
    }
  });

  it('spares small layers on the first line and low magnitudes of any layer nowhere on the second', () => {
    const lines = new PruningLines(space, dense);
    const first = space.densities(lines.point(0, 0.7));
    expect(first[0]).toBeGreaterThan(first[1]);
    expect(first[1]).toBeGreaterThan(first[2]);
    const thresholds = Object.values(space.thresholds(lines.point(1, 0.7)));
    const largest = Math.max(...thresholds);
    for (const threshold of thresholds) expect(threshold / largest).toBeGreaterThan(0.99);
  });

  it('goes back to denser points on the first line', () => {
    const start = space.pointFor([0.5, 0.3, 0.1]);
    const point = new PruningLines(space, start).point(0, -0.5);
    expect(space.keptParameters(point) / space.keptParameters(start)).toBeCloseTo(Math.exp(0.5), 2);
  });

  it('never prunes less than the start on the way to smaller networks', () => {
    const start = space.pointFor([0.5, 0.3, 0.1]);
    const lines = new PruningLines(space, start);
    for (let line = 0; line < lines.count; line++) {
      space.densities(lines.point(line, 0.4)).forEach((density, index) => {
        expect(density).toBeLessThanOrEqual(space.densities(start)[index] + 1e-9);
      });
    }
  });
});
