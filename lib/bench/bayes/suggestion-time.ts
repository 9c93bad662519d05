/** Seconds of one suggestion, with everything that is fitted for it. */
import { BayesianOptimizer } from '../../bayes/index.js';
import { Random } from '../../bayes/rng.js';
import { hartmann6 } from './problems.js';

/** Suggestions timed. */
const TIMED = 20;

/** The slowest of twenty suggestions in a row, after `count` observations in `dimensions` >= 6 coordinates. */
export function slowestSuggestion(count: number, dimensions: number, seed: number): number {
  const random = new Random(seed);
  const optimizer = new BayesianOptimizer({ dimensions, seed });
  let slowest = 0;
  for (let i = 0; i < count + TIMED; i++) {
    const point = Array.from({ length: dimensions }, () => random.uniform());
    optimizer.tell(point, { objective: hartmann6(point) });
    // The first suggestion of all fits from nothing; those of a search under way start from the fit before.
    if (i < count - 5) continue;
    const start = performance.now();
    optimizer.ask();
    if (i >= count) slowest = Math.max(slowest, (performance.now() - start) / 1000);
  }
  return slowest;
}
