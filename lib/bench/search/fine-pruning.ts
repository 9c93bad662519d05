/** This package's search, as `tune` runs it in a round without an incumbent. */
import { Proposals } from '../../tuner/proposals.js';
import type { SearchMethod } from './trial.js';

/** Rounds of the run of which this would be the first, as `tune` has them if not told otherwise. */
const ROUNDS = 6;

export const searchAsTuneDoes: SearchMethod = async (trial, evaluations, seed) => {
  const { space, limit } = trial;
  const proposals = new Proposals({
    space,
    round: 1,
    rounds: ROUNDS,
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
