/**
 * Hartmann-6 whose optimum moves from round to round: does forgetting slowly beat forgetting at once and not
 * at all?
 */
import { BayesianOptimizer } from '../../bayes/index.js';
import { Random } from '../../bayes/rng.js';
import { HARTMANN6_OPTIMUM, hartmann6 } from './problems.js';

export const FORGETTING = ['learned', 'reset', 'none'] as const;
export type Forgetting = (typeof FORGETTING)[number];

const ROUNDS = 6;
const EVALUATIONS = 15;
/** Length of a round's move of the optimum, in units of the cube. */
const STEP = 0.1;

/** Mean over rounds 2.. of the regret of the point committed to at the round's end. */
export function searchDrifting(forgetting: Forgetting, seed: number): number {
  const random = new Random(500 + seed);
  const shift = new Array<number>(6).fill(0);
  const evaluate = (point: readonly number[]): number => hartmann6(point.map((value, k) => value - shift[k]));
  const create = (round: number): BayesianOptimizer =>
    new BayesianOptimizer({
      dimensions: 6,
      seed: seed + 1000 * round,
      initial: forgetting === 'reset' && round > 0 ? 6 : 10,
      forgetting: forgetting === 'none' ? 'none' : 'learned',
    });
  let optimizer = create(0);
  let total = 0;
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) {
      const before = optimizer.best();
      const move = shift.map(() => random.normal());
      const length = Math.hypot(...move);
      for (let k = 0; k < 6; k++) shift[k] += (STEP * move[k]) / length;
      if (forgetting === 'reset') {
        optimizer = create(round);
        if (before) optimizer.enqueue(before.point);
      } else optimizer.advance(round);
    }
    let best = Infinity;
    for (let i = 0; i < EVALUATIONS; i++) {
      const [point] = optimizer.ask();
      const objective = evaluate(point);
      best = Math.min(best, objective);
      optimizer.tell(point, { objective });
    }
    if (round > 0) total += (best - HARTMANN6_OPTIMUM) / (ROUNDS - 1);
  }
  return total;
}
