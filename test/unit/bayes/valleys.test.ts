import { describe, expect, it } from 'vitest';
import type { Belief } from '../../../lib/bayes/model.js';
import { Valleys } from '../../../lib/bayes/valleys.js';

function beliefsOf(points: readonly (readonly [number, number])[]): Belief[] {
  return points.map(([x, objective]) => ({
    observation: {
      point: [x],
      objective,
      constraints: [],
      noiseVariance: null,
      constraintNoiseVariance: [],
      time: 0,
      failed: false,
    },
    objective,
    constraints: [],
    feasible: true,
    violation: 0,
  }));
}

/** A searched-out valley around 0.2, and one point of another around 0.8. */
const searchedOut: [number, number][] = [
  [0.8, 1],
  [0.25, 2],
  [0.15, 1.5],
  [0.2, 0],
  [0.201, 0.0001],
  [0.199, 0.0001],
  [0.202, 0.0002],
  [0.198, 0.0002],
  [0.203, 0.0003],
];

describe('Valleys', () => {
  it('closes a valley whose last evaluations gained nothing and leaves the other open', () => {
    const valleys = Valleys.find(beliefsOf(searchedOut), [0.3], 5);
    expect(valleys?.open.map(({ observation }) => observation.point[0])).toEqual([0.8]);
    expect(valleys?.excludes([0.22])).toBe(true);
    expect(valleys?.excludes([0.7])).toBe(false);
  });

  it('closes none while the best one still gains, or before there was time to', () => {
    expect(Valleys.find(beliefsOf([...searchedOut, [0.2005, -1]]), [0.3], 5)).toBeNull();
    expect(Valleys.find(beliefsOf(searchedOut.slice(0, 5)), [0.3], 5)).toBeNull();
  });
});
