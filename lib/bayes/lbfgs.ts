/**
 * Minimisation of a smooth function inside a box: limited-memory BFGS on the free coordinates with a projected line
 * search (D. Bertsekas, "Projected Newton methods", 1982; two-loop recursion of J. Nocedal, 1980).
 */

export interface MinimizeOptions {
  lower: Float64Array;
  upper: Float64Array;
  /** Largest number of accepted steps; default 50. */
  maximumIterations?: number;
  /** Largest number of calls of the function; default 4 times the iterations. */
  maximumEvaluations?: number;
  /** Stop when no entry of the projected gradient is larger; default 1e-6. */
  gradientTolerance?: number;
  /** Stop when a step lowers the value by less than this share of max(1, |value|); default 1e-10. */
  valueTolerance?: number;
  /** Longest first step in any coordinate; default 0.25. */
  firstStep?: number;
}

export interface MinimizeResult {
  point: Float64Array;
  value: number;
  evaluations: number;
}

/** Correction pairs remembered. */
const MEMORY = 8;

/**
 * Minimises `evaluate` from `start`, which is moved into the box first.
 *
 * @param evaluate returns the value at `point` and writes the gradient; may return Infinity or NaN where it is not
 *   defined, which the line search steps back from.
 * @returns the best point met; its value is Infinity where the start itself is not defined.
 */
export function minimize(
  evaluate: (point: Float64Array, gradient: Float64Array) => number,
  start: Float64Array,
  options: MinimizeOptions,
): MinimizeResult {
  const { lower, upper } = options;
  const size = start.length;
  const maximumIterations = options.maximumIterations ?? 50;
  const maximumEvaluations = options.maximumEvaluations ?? 4 * maximumIterations;
  const gradientTolerance = options.gradientTolerance ?? 1e-6;
  const valueTolerance = options.valueTolerance ?? 1e-10;
  const firstStep = options.firstStep ?? 0.25;

  let point = start.map((value, k) => Math.min(Math.max(value, lower[k]), upper[k]));
  let gradient = new Float64Array(size);
  let value = evaluate(point, gradient);
  let evaluations = 1;
  if (!Number.isFinite(value)) return { point, value: Infinity, evaluations };

  const steps: Float64Array[] = [];
  const changes: Float64Array[] = [];
  const curvatures: number[] = [];
  const direction = new Float64Array(size);
  let trial = new Float64Array(size);
  let trialGradient = new Float64Array(size);

  for (let iteration = 0; iteration < maximumIterations; iteration++) {
    // A coordinate at its bound whose descent points outward is not free: it stays.
    const free = (k: number): boolean =>
      !((point[k] <= lower[k] && gradient[k] >= 0) || (point[k] >= upper[k] && gradient[k] <= 0));
    let largest = 0;
    for (let k = 0; k < size; k++) {
      direction[k] = free(k) ? -gradient[k] : 0;
      largest = Math.max(largest, Math.abs(direction[k]));
    }
    if (largest <= gradientTolerance) break;
    if (steps.length > 0) twoLoop(direction, steps, changes, curvatures);
    let slope = 0;
    for (let k = 0; k < size; k++) {
      if (!free(k)) direction[k] = 0;
      slope += direction[k] * gradient[k];
    }
    if (!(slope < 0)) {
      // The memory misleads (a changed free set, non-convexity): forget it and go down the gradient.
      steps.length = changes.length = curvatures.length = 0;
      slope = 0;
      for (let k = 0; k < size; k++) {
        direction[k] = free(k) ? -gradient[k] : 0;
        slope -= direction[k] * direction[k];
      }
    }
    let step = steps.length === 0 ? Math.min(1, firstStep / largest) : 1;
    let accepted = false;
    let previousValue = value;
    while (evaluations < maximumEvaluations) {
      let moved = 0;
      let expected = 0;
      for (let k = 0; k < size; k++) {
        trial[k] = Math.min(Math.max(point[k] + step * direction[k], lower[k]), upper[k]);
        const difference = trial[k] - point[k];
        moved = Math.max(moved, Math.abs(difference));
        expected += difference * gradient[k];
      }
      if (moved < 1e-14) break;
      const trialValue = evaluate(trial, trialGradient);
      evaluations++;
      if (trialValue <= value + 1e-4 * Math.min(expected, 0)) {
        remember(point, trial, gradient, trialGradient, steps, changes, curvatures);
        previousValue = value;
        value = trialValue;
        [point, trial] = [trial, point];
        [gradient, trialGradient] = [trialGradient, gradient];
        accepted = true;
        break;
      }
      // The minimum of the parabola through value, slope and trial value, kept within [0.1, 0.5] of the step.
      const quadratic = (-slope * step * step) / (2 * (trialValue - value - slope * step));
      step =
        quadratic > 0.1 * step && quadratic < 0.5 * step
          ? quadratic
          : Number.isFinite(trialValue)
            ? 0.3 * step
            : 0.1 * step;
    }
    if (!accepted) {
      if (steps.length === 0 || evaluations >= maximumEvaluations) break;
      steps.length = changes.length = curvatures.length = 0;
      continue;
    }
    if (previousValue - value <= valueTolerance * Math.max(1, Math.abs(value))) break;
    if (evaluations >= maximumEvaluations) break;
  }
  return { point, value, evaluations };
}

/** Keeps the pair (step, change of gradient) where it has positive curvature. */
function remember(
  point: Float64Array,
  trial: Float64Array,
  gradient: Float64Array,
  trialGradient: Float64Array,
  steps: Float64Array[],
  changes: Float64Array[],
  curvatures: number[],
): void {
  const step = new Float64Array(point.length);
  const change = new Float64Array(point.length);
  let curvature = 0;
  let length = 0;
  for (let k = 0; k < point.length; k++) {
    step[k] = trial[k] - point[k];
    change[k] = trialGradient[k] - gradient[k];
    curvature += step[k] * change[k];
    length += change[k] * change[k];
  }
  if (!(curvature > 1e-10 * length)) return;
  if (steps.length === MEMORY) {
    steps.shift();
    changes.shift();
    curvatures.shift();
  }
  steps.push(step);
  changes.push(change);
  curvatures.push(curvature);
}

/** Multiplies `direction` by the inverse Hessian estimate, in place. */
function twoLoop(direction: Float64Array, steps: Float64Array[], changes: Float64Array[], curvatures: number[]): void {
  const weights = new Float64Array(steps.length);
  for (let i = steps.length - 1; i >= 0; i--) {
    weights[i] = product(steps[i], direction) / curvatures[i];
    for (let k = 0; k < direction.length; k++) direction[k] -= weights[i] * changes[i][k];
  }
  const last = steps.length - 1;
  const scale = curvatures[last] / product(changes[last], changes[last]);
  for (let k = 0; k < direction.length; k++) direction[k] *= scale;
  for (let i = 0; i < steps.length; i++) {
    const weight = weights[i] - product(changes[i], direction) / curvatures[i];
    for (let k = 0; k < direction.length; k++) direction[k] += weight * steps[i][k];
  }
}

function product(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let k = 0; k < a.length; k++) sum += a[k] * b[k];
  return sum;
}
