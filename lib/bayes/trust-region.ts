/**
 * The trust region of TuRBO (Eriksson et al., NeurIPS 2019) and SCBO (Eriksson and Poloczek, AISTATS 2021): a box around
 * the incumbent that grows while steps succeed and shrinks while they fail, for many coordinates or many observations.
 */

/** State of the region, fit for JSON. */
export interface TrustRegionState {
  /** Side of the box before it is stretched by the length scales, in units of the cube. */
  length: number;
  successes: number;
  failures: number;
  /** Regions given up because they became too small. */
  restarts: number;
}

const INITIAL_LENGTH = 0.8;
const LARGEST_LENGTH = 1.6;
const SMALLEST_LENGTH = 2 ** -7;
/** Successes in a row that double the box. */
const SUCCESS_TOLERANCE = 3;

/** The region that a search, or a new time of it, begins with: a box of side 0.8, nothing counted. */
export function initialTrustRegion(): TrustRegionState {
  return { length: INITIAL_LENGTH, successes: 0, failures: 0, restarts: 0 };
}

/**
 * The region after one more evaluation.
 *
 * @param improved whether the evaluation became the incumbent.
 * @param dimensions failures in a row that halve the box: as many as there are coordinates, at least 4.
 */
export function updateTrustRegion(region: TrustRegionState, improved: boolean, dimensions: number): TrustRegionState {
  let { length, restarts } = region;
  let successes = improved ? region.successes + 1 : 0;
  let failures = improved ? 0 : region.failures + 1;
  if (successes >= SUCCESS_TOLERANCE) {
    length = Math.min(2 * length, LARGEST_LENGTH);
    successes = 0;
  } else if (failures >= Math.max(4, dimensions)) {
    length /= 2;
    failures = 0;
  }
  if (length < SMALLEST_LENGTH) {
    length = INITIAL_LENGTH;
    restarts++;
  }
  return { length, successes, failures, restarts };
}

/**
 * The box of the region around `centre`, within the cube: side length * l_k / (geometric mean of l), so that it is longer
 * where the function is flatter (TuRBO, section 2).
 */
export function trustRegionBox(
  region: TrustRegionState,
  centre: ArrayLike<number>,
  lengthScales: readonly number[],
): { lower: Float64Array; upper: Float64Array } {
  const size = centre.length;
  let meanLog = 0;
  for (const scale of lengthScales) meanLog += Math.log(scale) / size;
  const lower = new Float64Array(size);
  const upper = new Float64Array(size);
  for (let k = 0; k < size; k++) {
    const stretch = Math.min(Math.max(lengthScales[k] / Math.exp(meanLog), 0.2), 5);
    lower[k] = Math.max(0, centre[k] - 0.5 * region.length * stretch);
    upper[k] = Math.min(1, centre[k] + 0.5 * region.length * stretch);
  }
  return { lower, upper };
}
