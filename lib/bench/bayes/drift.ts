/**
 * Hartmann-6 whose optimum moves from round to round: does forgetting slowly beat forgetting at once and not
 * at all?
 */
import { BayesianOptimizer } from '../../bayes/index.js';
import { Random } from '../../bayes/rng.js';
import type { OptunaBaseline } from './optuna.js';
import { HARTMANN6_OPTIMUM, hartmann6 } from './problems.js';

export const FORGETTING = ['learned', 'reset', 'none'] as const;
export type Forgetting = (typeof FORGETTING)[number];

const ROUNDS = 6;
const EVALUATIONS = 15;
const INITIAL = 10;
/** Initial points of a round that begins anew, the incumbent among them. */
const INITIAL_AGAIN = 6;
/** Length of a round's move of the optimum, in units of the cube. */
const STEP = 0.1;

/** How far the optimum has moved in each round. */
function shiftsOf(seed: number): number[][] {
  const random = new Random(500 + seed);
  const shifts = [new Array<number>(6).fill(0)];
  while (shifts.length < ROUNDS) {
    const move = Array.from({ length: 6 }, () => random.normal());
    const length = Math.hypot(...move);
    shifts.push(shifts[shifts.length - 1].map((value, k) => value + (STEP * move[k]) / length));
  }
  return shifts;
}

/** Mean over rounds 2.. of the regret of the best point of the round. */
function meanRegret(bests: readonly number[]): number {
  return bests.slice(1).reduce((sum, best) => sum + (best - HARTMANN6_OPTIMUM) / (ROUNDS - 1), 0);
}

/** The mean regret of our optimizer. */
export function searchDrifting(forgetting: Forgetting, seed: number): number {
  const create = (round: number): BayesianOptimizer =>
    new BayesianOptimizer({
      dimensions: 6,
      seed: seed + 1000 * round,
      initial: forgetting === 'reset' && round > 0 ? INITIAL_AGAIN : INITIAL,
      forgetting: forgetting === 'none' ? 'none' : 'learned',
    });
  let optimizer = create(0);
  const bests = shiftsOf(seed).map((shift, round) => {
    if (round > 0 && forgetting === 'reset') {
      const before = optimizer.best();
      optimizer = create(round);
      if (before) optimizer.enqueue(before.point);
    } else if (round > 0) optimizer.advance(round);
    let best = Infinity;
    for (let i = 0; i < EVALUATIONS; i++) {
      const [point] = optimizer.ask();
      const objective = hartmann6(point.map((value, k) => value - shift[k]));
      best = Math.min(best, objective);
      optimizer.tell(point, { objective });
    }
    return best;
  });
  return meanRegret(bests);
}

/** The same of Optuna, which knows no forgetting: a study for all rounds, or a new one each. */
export async function searchDriftingTheirs(reset: boolean, seed: number, baseline: OptunaBaseline): Promise<number> {
  const { bests } = await baseline.searchDrifting({
    seed,
    shifts: shiftsOf(seed),
    evaluations: EVALUATIONS,
    initial: [INITIAL, INITIAL_AGAIN],
    reset,
  });
  return meanRegret(bests);
}
