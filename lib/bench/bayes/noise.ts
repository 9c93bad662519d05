/** Hartmann-6 seen through noise of known deviation: how good is the point the optimizer itself calls the best? */
import { BayesianOptimizer } from '../../bayes/index.js';
import { Random } from '../../bayes/rng.js';
import { HARTMANN6_OPTIMUM, hartmann6 } from './problems.js';

const EVALUATIONS = 100;
const DEVIATION = 0.1;

/** True regret of the optimizer's best. @param told whether each observation comes with the variance of its noise. */
export function searchNoisy(seed: number, told: boolean): number {
  const random = new Random(seed);
  const optimizer = new BayesianOptimizer({ dimensions: 6, seed, initial: 10 });
  for (let i = 0; i < EVALUATIONS; i++) {
    const [point] = optimizer.ask();
    const objective = hartmann6(point) + DEVIATION * random.normal();
    optimizer.tell(point, told ? { objective, noiseVariance: DEVIATION ** 2 } : { objective });
  }
  const best = optimizer.best();
  return best === null ? Infinity : hartmann6(best.point) - HARTMANN6_OPTIMUM;
}
