/**
 * Test problems of the Bayesian-optimization benchmark, all to be minimised over the unit cube.
 */

/** What one evaluation gives. */
export interface Outcome {
  objective: number;
  constraints: number[];
}

export interface Problem {
  name: string;
  dimensions: number;
  constraints: number;
  /** Evaluations a search may use, the initial design included. */
  evaluations: number;
  initial: number;
  /** The least feasible value. */
  optimum: number;
  /** What others report after as many evaluations, in the objective's units; null where nothing is at hand. */
  published: { by: string; objective: number } | null;
  evaluate(point: readonly number[]): Outcome;
}

const unconstrained = (objective: number): Outcome => ({ objective, constraints: [] });

/** Branin and Hoo's function on [-5, 10] x [0, 15], scaled to the unit square; minimum 0.397887. */
export function branin(u: number, v: number): number {
  const x = -5 + 15 * u;
  const y = 15 * v;
  const curve = y - (5.1 / (4 * Math.PI ** 2)) * x * x + (5 / Math.PI) * x - 6;
  return curve * curve + 10 * (1 - 1 / (8 * Math.PI)) * Math.cos(x) + 10;
}

const HARTMANN_WEIGHTS = [1, 1.2, 3, 3.2];
const HARTMANN_SCALES = [
  [10, 3, 17, 3.5, 1.7, 8],
  [0.05, 10, 17, 0.1, 8, 14],
  [3, 3.5, 1.7, 10, 17, 8],
  [17, 8, 0.05, 10, 0.1, 14],
];
const HARTMANN_CENTRES = [
  [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886],
  [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991],
  [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.665],
  [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
];

export const HARTMANN6_OPTIMUM = -3.322368011415515;

/** Hartmann's function in six dimensions; minimum -3.32237. */
export function hartmann6(point: readonly number[]): number {
  return -HARTMANN_WEIGHTS.reduce((sum, weight, i) => {
    const exponent = HARTMANN_SCALES[i].reduce(
      (total, scale, k) => total + scale * (point[k] - HARTMANN_CENTRES[i][k]) ** 2,
      0,
    );
    return sum + weight * Math.exp(-exponent);
  }, 0);
}

/** Ackley's function of any x; minimum 0 at the origin. */
function ackley(x: readonly number[]): number {
  const squares = x.reduce((sum, value) => sum + value * value, 0) / x.length;
  const waves = x.reduce((sum, value) => sum + Math.cos(2 * Math.PI * value), 0) / x.length;
  return -20 * Math.exp(-0.2 * Math.sqrt(squares)) - Math.exp(waves) + 20 + Math.E;
}

/** A point of the unit cube in [-5, 10]^d. */
const stretch = (point: readonly number[]): number[] => point.map((value) => -5 + 15 * value);

export const PROBLEMS: readonly Problem[] = [
  {
    name: 'branin',
    dimensions: 2,
    constraints: 0,
    evaluations: 40,
    initial: 10,
    optimum: 0.39788735772973816,
    published: null,
    evaluate: ([u, v]) => unconstrained(branin(u, v)),
  },
  {
    name: 'hartmann6',
    dimensions: 6,
    constraints: 0,
    evaluations: 100,
    initial: 10,
    optimum: HARTMANN6_OPTIMUM,
    published: null,
    evaluate: (point) => unconstrained(hartmann6(point)),
  },
  {
    name: 'ackley8',
    dimensions: 8,
    constraints: 0,
    evaluations: 120,
    initial: 10,
    optimum: 0,
    published: null,
    evaluate: (point) => unconstrained(ackley(stretch(point))),
  },
  {
    name: 'ackley20',
    dimensions: 20,
    constraints: 0,
    evaluations: 464,
    initial: 40,
    optimum: 0,
    published: { by: "TuRBO-1's tutorial", objective: 0.987 },
    evaluate: (point) => unconstrained(ackley(stretch(point))),
  },
  {
    name: 'ackley10-constrained',
    dimensions: 10,
    constraints: 2,
    evaluations: 190,
    initial: 20,
    optimum: 0,
    published: { by: "SCBO's tutorial", objective: 0.324 },
    // The constraints of the SCBO tutorial: sum x <= 0 and |x| <= 5.
    evaluate: (point) => {
      const x = stretch(point);
      const sum = x.reduce((total, value) => total + value, 0);
      const norm = Math.sqrt(x.reduce((total, value) => total + value * value, 0));
      return { objective: ackley(x), constraints: [sum, norm - 5] };
    },
  },
  {
    name: 'branin-in-30',
    dimensions: 30,
    constraints: 0,
    evaluations: 50,
    initial: 10,
    optimum: 0.39788735772973816,
    published: { by: 'SAASBO', objective: 0.398 },
    evaluate: (point) => unconstrained(branin(point[0], point[1])),
  },
];
