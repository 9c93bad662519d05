/**
 * The covariance of the surrogate: Matern-5/2 with one length scale a coordinate, plus a linear trend where one is
 * wanted, times a forgetting factor in time.
 *
 *     k((x,t), (x',t')) = (s^2 (1 + sqrt(5) r + 5/3 r^2) exp(-sqrt(5) r) + w u . u') (1 - e)^{|t - t'| / 2}
 *     r^2               = sum_k ((x_k - x'_k) / l_k)^2
 *     u                 = (x_1 - 1/2, ..., x_d - 1/2, sum_k (x_k - 1/2))
 *
 * The trend is Bayesian linear regression around the cube's centre, its slopes the sum of one that all coordinates share
 * and one of their own, each of variance w: what rises with every coordinate, as error does with pruning, is told from few
 * points even in many dimensions, and a coordinate never moved alone is expected to behave like the others.
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
  /** w >= 0; 0 for no trend. */
  trendVariance: number;
  /** Variance of the noise of observations that come without a known one. */
  noiseVariance: number;
  /** f = -log(1 - e) / 2 >= 0 with e the forgetting of one unit of time; 0 trusts old observations like new ones. */
  forgettingRate: number;
}

/**
 * Matern-5/2 correlation at squared scaled distance `squared` = r^2. Its derivative with respect to r^2,
 * -(5/6) (1 + sqrt(5) r) exp(-sqrt(5) r), is finite at r = 0, unlike that with respect to r divided by r: no case is special.
 */
function matern52(squared: number): number {
  const a = SQRT5 * Math.sqrt(squared);
  return (1 + a + (5 / 3) * squared) * Math.exp(-a);
}

/** The covariance of two points at two times; the plain reading of the formula above, for tests and small uses. */
export function covariance(
  hyperparameters: Hyperparameters,
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  timeApart = 0,
): number {
  const { lengthScales, signalVariance, trendVariance, forgettingRate } = hyperparameters;
  let squared = 0;
  let product = 0;
  let sum = 0;
  let otherSum = 0;
  for (let k = 0; k < a.length; k++) {
    squared += ((a[k] - b[k]) / lengthScales[k]) ** 2;
    product += (a[k] - 0.5) * (b[k] - 0.5);
    sum += a[k] - 0.5;
    otherSum += b[k] - 0.5;
  }
  return (
    (signalVariance * matern52(squared) + trendVariance * (product + sum * otherSum)) *
    Math.exp(-forgettingRate * Math.abs(timeApart))
  );
}

/** Writes u, the features of the trend, of one point, `dimensions` + 1 numbers, to `target`. */
export function writeTrendFeatures(
  points: ArrayLike<number>,
  from: number,
  dimensions: number,
  target: Float64Array,
  to: number,
): void {
  let sum = 0;
  for (let k = 0; k < dimensions; k++) {
    const centred = points[from + k] - 0.5;
    target[to + k] = centred;
    sum += centred;
  }
  target[to + dimensions] = sum;
}
