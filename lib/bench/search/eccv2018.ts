/**
 * The search of "Constraint-Aware Deep Neural Network Compression" (ECCV 2018): pruned fractions in [0, 1], one a layer; a
 * Gaussian process, expected improvement weighted by the probability of meeting the constraint; 20 random seed points;
 * every round from nothing, so that one round is one search.
 */
import { BayesianOptimizer } from '../../bayes/index.js';
import { Random } from '../../bayes/rng.js';
import type { SearchMethod } from './trial.js';

const SEED_POINTS = 20;

export const searchAsEccv2018: SearchMethod = async (trial, evaluations, seed) => {
  const random = new Random(seed);
  const { space, limit } = trial;
  const optimizer = new BayesianOptimizer({
    dimensions: space.dimensions,
    seed,
    initial: 1,
    constraints: 1,
    strategy: 'global',
    trend: false,
    warpConstraints: false,
  });
  while (trial.evaluations < evaluations) {
    const fractions = trial.evaluations < SEED_POINTS ? space.layers.map(() => random.uniform()) : optimizer.ask(1)[0];
    const point = space.pointFor(fractions.map((fraction) => 1 - fraction));
    const { error, compression } = await trial.score(space.thresholds(point));
    optimizer.tell(fractions, { objective: 1 / compression, constraints: [error - limit] });
  }
};
