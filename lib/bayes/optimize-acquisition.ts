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

/** Points of each kind kept unclimbed, for when every climb ends on a known point. */
const SPARE = 16;

/** A candidate and its acquisition value. */
export interface RatedPoint {
  point: Float64Array;
  value: number;
}

/** Rated points, best first: the ends of the climbs, then the best of the points looked at. */
export function maximizeAcquisition(acquisition: Acquisition, search: AcquisitionSearch, random: Random): RatedPoint[] {
  const rate = (point: Float64Array): RatedPoint => ({ point, value: acquisition.evaluate(point, null) });
  const descending = (a: RatedPoint, b: RatedPoint): number => b.value - a.value;
  const far = boxSamples(search, random).map(rate).sort(descending);
  const close = perturbed(search, random).map(rate).sort(descending);
  // Points near the incumbent look best before any climbing; those all over the box have climbs of their own, or a search
  // would never leave the first valley it finds.
  const forFar = close.length > 0 ? Math.ceil(search.climbs / 2) : search.climbs;
  const starts = [...pick(far, forFar, 0.1, search), ...pick(close, search.climbs - forFar, 0.01, search)];
  const climbed = starts.map(({ point }) => {
    const result = minimize((at, gradient) => negated(acquisition, at, gradient), point, {
      lower: search.lower,
      upper: search.upper,
      maximumIterations: search.maximumIterations,
      maximumEvaluations: 2 * search.maximumIterations,
      gradientTolerance: 1e-4,
      valueTolerance: 1e-6,
      firstStep: 0.05,
    });
    return { point: result.point, value: -result.value };
  });
  return [...climbed.sort(descending), ...[...close.slice(0, SPARE), ...far.slice(0, SPARE)].sort(descending)];
}

/** The first `count` points that are apart from each other by `apart` of the box in some coordinate. */
function pick(rated: readonly RatedPoint[], count: number, apart: number, search: AcquisitionSearch): RatedPoint[] {
  const picked: RatedPoint[] = [];
  for (const candidate of rated) {
    if (picked.length >= count || candidate.value === -Infinity) break;
    if (!picked.some((other) => isNear(other.point, candidate.point, apart, search))) picked.push(candidate);
  }
  return picked;
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

function isNear(a: Float64Array, b: Float64Array, apart: number, { lower, upper }: AcquisitionSearch): boolean {
  return a.every((value, k) => Math.abs(value - b[k]) <= apart * (upper[k] - lower[k]));
}
