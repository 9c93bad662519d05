/** One threshold for all layers, found by bisection: what people do by hand. */
import type { SearchMethod } from './trial.js';

/** Bisection ends when the densities at its two ends differ by less than this factor. */
const RESOLUTION = 1.01;

export const searchGlobalThreshold: SearchMethod = async (trial, evaluations) => {
  const { space } = trial;
  let denser = 0;
  let sparser = -Math.log(1e-3);
  while (trial.evaluations < evaluations && sparser - denser > Math.log(RESOLUTION)) {
    const middle = (denser + sparser) / 2;
    const threshold = space.globalThreshold(Math.exp(-middle));
    const { feasible } = await trial.score(Object.fromEntries(space.layers.map(({ name }) => [name, threshold])));
    if (feasible) denser = middle;
    else sparser = middle;
  }
};
