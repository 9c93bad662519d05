/**
 * Random search with a chance: how far to prune at all is drawn first, then each layer's share of it. Uniform draws of all
 * coordinates alone are hopeless in more than a few layers.
 */
import { Random } from '../../bayes/rng.js';
import type { SearchMethod } from './trial.js';

export const searchRandomly: SearchMethod = async (trial, evaluations, seed) => {
  const random = new Random(seed);
  const { space } = trial;
  while (trial.evaluations < evaluations) {
    const level = random.uniform();
    const point = space.layers.map(() => level * random.uniform());
    await trial.score(space.thresholds(point));
  }
};
