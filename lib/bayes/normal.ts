/**
 * The standard normal distribution far into its lower tail, in logarithms.
 *
 * Notation: phi density, Phi distribution function, h(z) = phi(z) + z Phi(z) (the expected improvement of a standard
 * normal). For z = -t with t > 0, Laplace's continued fraction gives Mills' ratio without cancellation:
 *
 *     Phi(-t) / phi(t) = 1 / (t + q),   q = 1 / (t + 2 / (t + 3 / (t + ...)))
 *     h(-t) / phi(t)   = 1 - t / (t + q) = q / (t + q)
 *
 * so that log Phi and log h are exact to rounding at any z, which the usual 1 - t Phi/phi is not.
 */

const LOG_SQRT_TWO_PI = 0.9189385332046728;
const SQRT_TWO_PI = 2.5066282746310002;
/** Below this z the continued fraction is used, above it the power series. */
const TAIL = -2;

/** q of the notation above for t >= 2; relative error below 1e-15. */
function tailFraction(t: number): number {
  // The error after n terms falls like exp(-2 t sqrt(2n)); the constant below leaves 1e-15 at t = 2.
  const terms = 12 + Math.ceil(400 / (t * t));
  let fraction = t;
  for (let k = terms; k >= 2; k--) fraction = t + k / fraction;
  return 1 / fraction;
}

/** phi(z). */
export function normalDensity(z: number): number {
  return Math.exp(-0.5 * z * z) / SQRT_TWO_PI;
}

/** Phi(z), relative error below 1e-14 for every z. */
export function normalDistribution(z: number): number {
  if (z < TAIL) return normalDensity(z) / (-z + tailFraction(-z));
  if (z > 8.3) return 1;
  if (z > -TAIL) return 1 - normalDensity(z) / (z + tailFraction(z));
  // Phi(z) = 1/2 + phi(z) (z + z^3/3 + z^5/(3*5) + ...): all terms of one sign (Abramowitz and Stegun 26.2.11).
  const square = z * z;
  let term = z;
  let sum = z;
  for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum); k += 2) {
    term *= square / k;
    sum += term;
  }
  return 0.5 + normalDensity(z) * sum;
}

/** A value and its derivative with respect to the argument. */
export interface ValueAndSlope {
  value: number;
  slope: number;
}

/** log Phi(z) and its derivative phi(z) / Phi(z); finite for every finite z. */
export function logNormalDistribution(z: number): ValueAndSlope {
  if (z < TAIL) {
    const t = -z;
    const sum = t + tailFraction(t);
    return { value: -0.5 * t * t - LOG_SQRT_TWO_PI - Math.log(sum), slope: sum };
  }
  const distribution = normalDistribution(z);
  const value = z > 5 ? Math.log1p(-normalDistribution(-z)) : Math.log(distribution);
  return { value, slope: normalDensity(z) / distribution };
}

/**
 * log h(z), its derivative Phi(z) / h(z), and phi(z) / h(z), which the derivative with respect to the standard deviation
 * needs (Ament et al., "Unexpected improvements to expected improvement", NeurIPS 2023, eq. 9). Finite for every finite z.
 */
export function logExpectedStandardImprovement(z: number): ValueAndSlope & { densityRatio: number } {
  if (z < TAIL) {
    const t = -z;
    const q = tailFraction(t);
    return {
      value: -0.5 * t * t - LOG_SQRT_TWO_PI + Math.log(q) - Math.log(t + q),
      slope: 1 / q,
      densityRatio: (t + q) / q,
    };
  }
  const density = normalDensity(z);
  const distribution = normalDistribution(z);
  const improvement = density + z * distribution;
  return { value: Math.log(improvement), slope: distribution / improvement, densityRatio: density / improvement };
}
