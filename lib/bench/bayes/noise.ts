/** Hartmann-6 seen through noise of known deviation: how good is the point that an optimizer itself calls the best? */
import { BayesianOptimizer } from '../../bayes/index.js';
import { Random } from '../../bayes/rng.js';
import type { OptunaBaseline } from './optuna.js';
import { HARTMANN6_OPTIMUM, hartmann6 } from './problems.js';

const EVALUATIONS = 100;
const INITIAL = 10;
const DEVIATION = 0.1;

/** What is added to each evaluation of one seed, whoever asks for it. */
function noiseOf(seed: number): number[] {
  const random = new Random(seed);
  return Array.from({ length: EVALUATIONS }, () => DEVIATION * random.normal());
}

/** True regret of the optimizer's best. @param told whether each observation comes with the variance of its noise. */
export function searchNoisy(seed: number, told: boolean): number {
  const optimizer = new BayesianOptimizer({ dimensions: 6, seed, initial: INITIAL });
  for (const noise of noiseOf(seed)) {
    const [point] = optimizer.ask();
    const objective = hartmann6(point) + noise;
    optimizer.tell(point, told ? { objective, noiseVariance: DEVIATION ** 2 } : { objective });
  }
  const best = optimizer.best();
  return best === null ? Infinity : hartmann6(best.point) - HARTMANN6_OPTIMUM;
}

/** The same of Optuna's best trial; its sampler learns the noise. */
export async function searchNoisyTheirs(seed: number, baseline: OptunaBaseline): Promise<number> {
  const { point } = await baseline.searchNoisy({ seed, initial: INITIAL, noise: noiseOf(seed) });
  return hartmann6(point) - HARTMANN6_OPTIMUM;
}
