/** This package's search, as `tune` runs it in a round without an incumbent. */
import { DEFAULT_ROUNDS } from '../../tuner/config.js';
import { Proposals } from '../../tuner/proposals.js';
import type { SearchMethod } from './trial.js';

export const searchAsTuneDoes: SearchMethod = async (trial, evaluations, seed) => {
  const { space, limit } = trial;
  const proposals = new Proposals({
    space,
    round: 1,
    rounds: DEFAULT_ROUNDS,
    evaluations,
    seed,
    limit,
    lambda: 0,
    incumbent: null,
    earlier: [],
  });
  while (trial.evaluations < evaluations) {
    const { point } = proposals.next(trial.evaluations);
    const { error, deviation, feasible } = await trial.score(space.thresholds(point));
    proposals.tell({ round: 1, point, error, deviation }, feasible);
  }
};
