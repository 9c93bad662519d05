import { describe, expect, it } from 'vitest';
import { DensityLadder } from '../../../lib/tuner/density-ladder.js';

describe('DensityLadder', () => {
  it('doubles while candidates are feasible and then closes in on the edge', () => {
    const ladder = new DensityLadder(true);
    const edge = 2.7;
    for (let index = 0; index < 12; index++) ladder.tell(ladder.depth <= edge);
    expect(ladder.depth).toBeCloseTo(edge, 2);
  });

  it('goes down to denser networks where the start is infeasible, then closes in on the edge', () => {
    const ladder = new DensityLadder(false);
    const edge = -1.3;
    expect(ladder.depth).toBeLessThan(0);
    for (let index = 0; index < 12; index++) ladder.tell(ladder.depth <= edge);
    expect(ladder.depth).toBeCloseTo(edge, 2);
  });

  it('halves towards nothing where no candidate is feasible', () => {
    const ladder = new DensityLadder(true);
    for (let index = 0; index < 5; index++) ladder.tell(false);
    expect(ladder.depth).toBeLessThan(0.05);
    expect(ladder.depth).toBeGreaterThan(0);
  });

  it('is done once the edge is known to within a tenth of the size', () => {
    const ladder = new DensityLadder(true);
    const edge = 2.7;
    let rungs = 0;
    while (!ladder.isDone) {
      ladder.tell(ladder.depth <= edge);
      rungs++;
    }
    expect(rungs).toBeLessThan(10);
    expect(Math.abs(ladder.depth - edge)).toBeLessThan(0.1);
  });
});
