/**
 * Priors of the hyper-parameters, and the box they are searched in: length scales and noise as densities of the parameter itself,
 * signal, trend and forgetting as densities of its logarithm, so that their modes are their medians.
 *
 *   length scales   log-normal(sqrt(2) + log(d) / 2, sqrt(3)): grows with the square root of the dimension as distances
 *                   in the cube do (Hvarfner, Hellsten and Nardi, "Vanilla Bayesian optimization performs great in high
 *                   dimensions", ICML 2024, eq. 9)
 *   signal          log-normal(0, 1): targets are standardised
 *   trend           log-normal(0, 1) for the variance of a slope
 *   noise           gamma(1.1, 30): small unless the data ask for more, as accuracy on a fixed tune set is
 *   forgetting      log-normal(log 0.15, 1): an observation keeps some 86% of its weight over a round
 */

/** A term of the negative log prior: its value and its derivative with respect to the logarithm of the parameter. */
export interface PriorTerm {
  value: number;
  slope: number;
}

/** Smallest and largest value of each kind of hyper-parameter. */
export const BOUNDS = {
  lengthScale: [5e-3, 1e3],
  signalVariance: [1e-3, 1e4],
  trendVariance: [1e-4, 1e3],
  noiseVariance: [1e-8, 1],
  forgettingRate: [1e-3, 5],
} as const;

const LENGTH_SCALE_VARIANCE = 3;

/** Prior of one length scale in `dimensions` dimensions at log(l) = `logarithm`. */
export function lengthScalePrior(logarithm: number, dimensions: number): PriorTerm {
  const distance = logarithm - Math.SQRT2 - 0.5 * Math.log(dimensions);
  return {
    value: (0.5 * distance * distance) / LENGTH_SCALE_VARIANCE + logarithm,
    slope: distance / LENGTH_SCALE_VARIANCE + 1,
  };
}

/** The most probable length scale of the prior. */
export function lengthScaleMode(dimensions: number): number {
  return Math.exp(Math.SQRT2 + 0.5 * Math.log(dimensions) - LENGTH_SCALE_VARIANCE);
}

/** Prior of s^2 at its logarithm. */
export function signalPrior(logarithm: number): PriorTerm {
  return { value: 0.5 * logarithm * logarithm, slope: logarithm };
}

/** Prior of w at its logarithm. */
export function trendPrior(logarithm: number): PriorTerm {
  return { value: 0.5 * logarithm * logarithm, slope: logarithm };
}

/** Prior of the learned noise variance at its logarithm. */
export function noisePrior(logarithm: number): PriorTerm {
  const variance = Math.exp(logarithm);
  return { value: 30 * variance - 0.1 * logarithm, slope: 30 * variance - 0.1 };
}

/** Prior of the forgetting rate at its logarithm. */
export function forgettingPrior(logarithm: number): PriorTerm {
  const distance = logarithm - Math.log(0.15);
  return { value: 0.5 * distance * distance, slope: distance };
}
