/**
 * Maximises an acquisition function in a box: many cheap quasi-random starts, the best of them climbed with gradients.
 */
import type { Acquisition } from './acquisition.js';
import { minimize } from './lbfgs.js';
import type { Random } from './rng.js';
import { MAXIMUM_SOBOL_DIMENSIONS, SobolSequence } from './sobol.js';

export interface AcquisitionSearch {
  lower: Float64Array;
  upper: Float64Array;
  /** Points to perturb, the incumbent first; inside the box. */
  anchors: readonly ArrayLike<number>[];
  /** Quasi-random points looked at. */
  samples: number;
  /** Perturbations of the anchors looked at. */
  perturbations: number;
  /** Points climbed from. */
  climbs: number;
  maximumIterations: number;
}

/** A candidate and its acquisition value. */
export interface RatedPoint {
  point: Float64Array;
  value: number;
}

/** Rated points, best first: the ends of the climbs, then the best of the points looked at. */
export function maximizeAcquisition(acquisition: Acquisition, search: AcquisitionSearch, random: Random): RatedPoint[] {
  const { lower, upper } = search;
  const rated: RatedPoint[] = [];
  for (const point of [...boxSamples(search, random), ...perturbed(search, random)]) {
    rated.push({ point, value: acquisition.evaluate(point, null) });
  }
  rated.sort((a, b) => b.value - a.value);
  const climbed: RatedPoint[] = [];
  const starts: Float64Array[] = [];
  for (const { point, value } of rated) {
    if (starts.length >= search.climbs) break;
    if (value === -Infinity || starts.some((other) => near(other, point, lower, upper))) continue;
    starts.push(point);
    const result = minimize((at, gradient) => negated(acquisition, at, gradient), point, {
      lower,
      upper,
      maximumIterations: search.maximumIterations,
      maximumEvaluations: 2 * search.maximumIterations,
      gradientTolerance: 1e-4,
      valueTolerance: 1e-6,
      firstStep: 0.05,
    });
    climbed.push({ point: result.point, value: -result.value });
  }
  climbed.sort((a, b) => b.value - a.value);
  return [...climbed, ...rated.slice(0, 32)];
}

function negated(acquisition: Acquisition, point: Float64Array, gradient: Float64Array): number {
  const value = acquisition.evaluate(point, gradient);
  for (let k = 0; k < gradient.length; k++) gradient[k] = -gradient[k];
  return -value;
}

function boxSamples(search: AcquisitionSearch, random: Random): Float64Array[] {
  const { lower, upper } = search;
  const size = lower.length;
  const sequence = size <= MAXIMUM_SOBOL_DIMENSIONS ? new SobolSequence(size, random) : null;
  return Array.from({ length: search.samples }, () => {
    const point = sequence ? sequence.next() : Float64Array.from({ length: size }, () => random.uniform());
    for (let k = 0; k < size; k++) point[k] = lower[k] + point[k] * (upper[k] - lower[k]);
    return point;
  });
}

/**
 * Normal steps from the anchors at four scales; in more than 20 dimensions each moves some 20 coordinates only (Regis and
 * Shoemaker's perturbation, as TuRBO uses it), since moving all of them at once almost never helps.
 */
function perturbed(search: AcquisitionSearch, random: Random): Float64Array[] {
  const { lower, upper, anchors } = search;
  const size = lower.length;
  if (anchors.length === 0) return [];
  const probability = Math.min(1, 20 / size);
  return Array.from({ length: search.perturbations }, (_, index) => {
    const anchor = anchors[index % anchors.length];
    const scale = 0.2 * 10 ** -(index % 4);
    const whole = index % 2 === 0 ? probability : Math.min(probability, Math.max(2, 0.3 * size) / size);
    const point = Float64Array.from({ length: size }, (_, k) => anchor[k]);
    for (let k = 0; k < size; k++) {
      if (random.uniform() > whole) continue;
      const moved = point[k] + scale * (upper[k] - lower[k]) * random.normal();
      point[k] = Math.min(Math.max(moved, lower[k]), upper[k]);
    }
    return point;
  });
}

function near(a: Float64Array, b: Float64Array, lower: Float64Array, upper: Float64Array): boolean {
  for (let k = 0; k < a.length; k++) {
    if (Math.abs(a[k] - b[k]) > 0.01 * (upper[k] - lower[k])) return false;
  }
  return true;
}
