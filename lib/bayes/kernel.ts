/**
 * The covariance of the surrogate: Matern-5/2 with one length scale a coordinate, times a forgetting factor in time.
 *
 *     k((x,t), (x',t')) = s^2 (1 + sqrt(5) r + 5/3 r^2) exp(-sqrt(5) r) (1 - e)^{|t - t'| / 2}
 *     r^2               = sum_k ((x_k - x'_k) / l_k)^2
 *
 * The time factor is Bogunovic, Scarlett and Cevher, "Time-varying Gaussian process bandit optimization" (arXiv
 * 1601.06650, section 3); it is carried as the rate f = -log(1 - e) / 2 >= 0, so that it reads exp(-f |t - t'|).
 */

const SQRT5 = Math.sqrt(5);

/** Hyper-parameters of one Gaussian process, in the units of standardised targets. */
export interface Hyperparameters {
  /** l_k > 0, one a coordinate. */
  lengthScales: number[];
  /** s^2 > 0. */
  signalVariance: number;
  /** Variance of the noise of observations that come without a known one. */
  noiseVariance: number;
  /** f = -log(1 - e) / 2 >= 0 with e the forgetting of one unit of time; 0 trusts old observations like new ones. */
  forgettingRate: number;
}

/** Matern-5/2 correlation at squared scaled distance `squared` = r^2. */
export function matern52(squared: number): number {
  const a = SQRT5 * Math.sqrt(squared);
  return (1 + a + (5 / 3) * squared) * Math.exp(-a);
}

/**
 * d matern52 / d(r^2) = -(5/6) (1 + sqrt(5) r) exp(-sqrt(5) r): finite at r = 0, unlike the derivative with respect to r
 * divided by r, so that no case is special.
 */
export function matern52Slope(squared: number): number {
  const a = SQRT5 * Math.sqrt(squared);
  return (-5 / 6) * (1 + a) * Math.exp(-a);
}

/** The covariance of two points at two times; the plain reading of the formula above, for tests and small uses. */
export function covariance(
  hyperparameters: Hyperparameters,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  timeApart = 0,
): number {
  let squared = 0;
  for (let k = 0; k < a.length; k++) {
    const difference = (a[k]! - b[k]!) / hyperparameters.lengthScales[k]!;
    squared += difference * difference;
  }
  const memory = Math.exp(-hyperparameters.forgettingRate * Math.abs(timeApart));
  return hyperparameters.signalVariance * matern52(squared) * memory;
}
