/** Values computed by test/fixtures/make_gp_reference.py. */
import { readFileSync } from 'node:fs';
import type { Observations } from '../../../lib/bayes/gp.js';
import type { Hyperparameters } from '../../../lib/bayes/kernel.js';

export interface ReferenceCase {
  hyperparameters: Hyperparameters;
  points: number[][];
  times: number[];
  targets: number[];
  noiseVariances: (number | null)[];
  queries: number[][];
  queryTime: number;
  mean: number[];
  variance: number[];
  negativeLogEvidence: number;
}

interface Reference {
  cases: ReferenceCase[];
  normal: { z: number[]; logDistribution: number[]; density: number[] };
  sobol: { dimensions: number; points: number[][] };
}

const path = new URL('../../fixtures/gp_reference.json', import.meta.url);
export const reference = JSON.parse(readFileSync(path, 'utf8')) as Reference;

export function observationsOf(reference: ReferenceCase): Observations {
  return {
    dimensions: reference.points[0].length,
    count: reference.points.length,
    points: Float64Array.from(reference.points.flat()),
    times: Float64Array.from(reference.times),
    targets: Float64Array.from(reference.targets),
    noiseVariances: Float64Array.from(reference.noiseVariances, (value) => value ?? NaN),
  };
}

/** Central differences of `f` at `point`. */
export function finiteDifferences(f: (point: Float64Array) => number, point: Float64Array, step = 1e-6): Float64Array {
  return point.map((value, k) => {
    const above = Float64Array.from(point);
    const below = Float64Array.from(point);
    above[k] = value + step;
    below[k] = value - step;
    return (f(above) - f(below)) / (2 * step);
  });
}

/** The largest difference of two vectors as a share of the larger of 1 and the second one's largest entry. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  const size = Math.max(1, ...Array.from(expected, Math.abs));
  return Math.max(...Array.from(actual, (value, k) => Math.abs(value - expected[k]))) / size;
}
