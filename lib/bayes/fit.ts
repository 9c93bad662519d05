/**
 * Maximum a posteriori hyper-parameters of a Gaussian process, by analytic gradients.
 *
 * With the notation of gp.ts, theta the logarithms of the hyper-parameters and W = K^-1 - alpha alpha^T,
 *
 *     J(theta)     = 1/2 (y - c1)^T alpha + c^2 / 2 + sum_i log L_ii - log p(theta)  (+ a constant)
 *     dJ/dtheta_p  = 1/2 tr(W dK/dtheta_p) - d log p / dtheta_p
 *
 * (Rasmussen and Williams 2006, eq. 5.9; c minimises J, so that its own derivative drops out.) Only the lower triangle is
 * visited: for i > j, dK_ij/dlog l_k = -2 k'(r^2) ((x_ik - x_jk) / l_k)^2.
 */
import { cholesky, dot, inverseFromFactor, solveLower, solveLowerTransposed } from './linalg.js';
import type { Observations } from './gp.js';
import { writeTrendFeatures } from './kernel.js';
import type { Hyperparameters } from './kernel.js';
import { minimize } from './lbfgs.js';
import {
  BOUNDS,
  forgettingPrior,
  lengthScaleMode,
  lengthScalePrior,
  noisePrior,
  signalPrior,
  trendPrior,
} from './priors.js';
import type { Random } from './rng.js';

const SQRT5 = Math.sqrt(5);

/** The negative log posterior of hyper-parameters given observations, with buffers kept between calls. */
export class MarginalPosterior {
  /** Parameters: log l_1..d, log s^2, log w where there is a trend, log noise where some is unknown, log f where times differ. */
  readonly size: number;
  readonly learnsNoise: boolean;
  readonly learnsForgetting: boolean;
  private readonly noiseIndex: number;
  private readonly scaled: Float64Array;
  /** u_i . u_j of kernel.ts [n, n], lower triangle; empty without a trend. */
  private readonly products: Float64Array;
  private readonly kernel: Float64Array;
  private readonly slopes: Float64Array;
  private readonly factor: Float64Array;
  private readonly scratch: Float64Array;
  private readonly inverse: Float64Array;
  private readonly ones: Float64Array;
  private readonly alpha: Float64Array;

  /** @param learnsTrend whether the covariance has a linear trend. */
  constructor(
    private readonly observations: Observations,
    readonly learnsTrend = false,
  ) {
    const { count, dimensions, noiseVariances, times } = observations;
    this.learnsNoise = noiseVariances.subarray(0, count).some(Number.isNaN);
    this.learnsForgetting = times.subarray(0, count).some((time) => time !== times[0]);
    this.noiseIndex = dimensions + (learnsTrend ? 2 : 1);
    this.size = this.noiseIndex + (this.learnsNoise ? 1 : 0) + (this.learnsForgetting ? 1 : 0);
    this.products = learnsTrend ? trendProducts(observations) : new Float64Array(0);
    this.scaled = new Float64Array(count * dimensions);
    this.kernel = new Float64Array(count * count);
    this.slopes = new Float64Array(count * count);
    this.factor = new Float64Array(count * count);
    this.scratch = new Float64Array(count * count);
    this.inverse = new Float64Array(count * count);
    this.ones = new Float64Array(count);
    this.alpha = new Float64Array(count);
  }

  /** Hyper-parameters as the vector `evaluate` takes. */
  encode(hyperparameters: Hyperparameters): Float64Array {
    const parameters = hyperparameters.lengthScales.map(Math.log);
    parameters.push(Math.log(hyperparameters.signalVariance));
    if (this.learnsTrend) parameters.push(Math.log(Math.max(hyperparameters.trendVariance, BOUNDS.trendVariance[0])));
    if (this.learnsNoise) parameters.push(Math.log(hyperparameters.noiseVariance));
    if (this.learnsForgetting) {
      parameters.push(Math.log(Math.max(hyperparameters.forgettingRate, BOUNDS.forgettingRate[0])));
    }
    return Float64Array.from(parameters);
  }

  /** The inverse of `encode`. */
  decode(parameters: Float64Array): Hyperparameters {
    const { dimensions } = this.observations;
    return {
      lengthScales: Array.from(parameters.subarray(0, dimensions), Math.exp),
      signalVariance: Math.exp(parameters[dimensions]),
      trendVariance: this.learnsTrend ? Math.exp(parameters[dimensions + 1]) : 0,
      noiseVariance: this.learnsNoise ? Math.exp(parameters[this.noiseIndex]) : BOUNDS.noiseVariance[0],
      forgettingRate: this.learnsForgetting ? Math.exp(parameters[this.size - 1]) : 0,
    };
  }

  /** J at `parameters`; its gradient goes to `gradient`. Infinity where the covariance cannot be factored. */
  evaluate(parameters: Float64Array, gradient: Float64Array): number {
    const { count, dimensions, points, times, targets, noiseVariances } = this.observations;
    const { scaled, kernel, slopes, factor, inverse, ones, alpha, products } = this;
    const signal = Math.exp(parameters[dimensions]);
    const trend = this.learnsTrend ? Math.exp(parameters[dimensions + 1]) : 0;
    const noise = this.learnsNoise ? Math.exp(parameters[this.noiseIndex]) : 0;
    const rate = this.learnsForgetting ? Math.exp(parameters[this.size - 1]) : 0;
    for (let k = 0; k < dimensions; k++) {
      const inverseScale = Math.exp(-parameters[k]);
      for (let i = k; i < count * dimensions; i += dimensions) scaled[i] = points[i] * inverseScale;
    }
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < i; j++) {
        let squared = 0;
        for (let k = 0; k < dimensions; k++) {
          const difference = scaled[i * dimensions + k] - scaled[j * dimensions + k];
          squared += difference * difference;
        }
        const a = SQRT5 * Math.sqrt(squared);
        const memory = rate > 0 ? Math.exp(-rate * Math.abs(times[i] - times[j])) : 1;
        const decay = signal * Math.exp(-a) * memory;
        kernel[i * count + j] = (1 + a + (5 / 3) * squared) * decay;
        slopes[i * count + j] = (-5 / 6) * (1 + a) * decay;
        factor[i * count + j] = kernel[i * count + j]!;
        if (trend > 0) factor[i * count + j] += trend * products[i * count + j] * memory;
      }
      kernel[i * count + i] = signal;
      factor[i * count + i] = signal + (trend > 0 ? trend * products[i * count + i] : 0);
    }
    for (let i = 0; i < count; i++) {
      const known = noiseVariances[i];
      factor[i * count + i] += Number.isNaN(known) ? noise : known;
    }
    if (!cholesky(factor, count, count)) return Infinity;

    ones.fill(1);
    const values = targets.slice(0, count);
    solveLower(factor, count, count, ones);
    solveLower(factor, count, count, values);
    const mean = dot(ones, 0, values, 0, count) / (dot(ones, 0, ones, 0, count) + 1);
    let value = 0.5 * mean * mean;
    for (let i = 0; i < count; i++) {
      const residual = values[i] - mean * ones[i];
      alpha[i] = residual;
      value += 0.5 * residual * residual + Math.log(factor[i * count + i]);
    }
    solveLowerTransposed(factor, count, count, alpha);
    inverseFromFactor(factor, count, count, this.scratch, inverse);

    gradient.fill(0);
    let forSignal = 0;
    let forTrend = 0;
    let forNoise = 0;
    let forRate = 0;
    for (let i = 0; i < count; i++) {
      const row = i * count;
      for (let j = 0; j < i; j++) {
        const weight = inverse[row + j] - alpha[i] * alpha[j];
        forSignal += weight * kernel[row + j];
        let whole = kernel[row + j];
        const apart = Math.abs(times[i] - times[j]);
        if (trend > 0) {
          const linear = trend * products[row + j] * (rate > 0 ? Math.exp(-rate * apart) : 1);
          forTrend += weight * linear;
          whole += linear;
        }
        if (rate > 0) forRate -= weight * whole * apart;
        const forScale = -2 * weight * slopes[row + j];
        for (let k = 0; k < dimensions; k++) {
          const difference = scaled[i * dimensions + k] - scaled[j * dimensions + k];
          gradient[k] += forScale * difference * difference;
        }
      }
      const weight = inverse[row + i] - alpha[i] * alpha[i];
      forSignal += 0.5 * weight * signal;
      if (trend > 0) forTrend += 0.5 * weight * trend * products[row + i];
      const known = noiseVariances[i];
      if (Number.isNaN(known)) forNoise += 0.5 * weight * noise;
    }
    gradient[dimensions] = forSignal;
    if (this.learnsTrend) gradient[dimensions + 1] = forTrend;
    if (this.learnsNoise) gradient[this.noiseIndex] = forNoise;
    if (this.learnsForgetting) gradient[this.size - 1] = forRate * rate;
    return value + this.addPrior(parameters, gradient);
  }

  private addPrior(parameters: Float64Array, gradient: Float64Array): number {
    const { dimensions } = this.observations;
    let sum = 0;
    const add = (index: number, term: { value: number; slope: number }): void => {
      sum += term.value;
      gradient[index] += term.slope;
    };
    for (let k = 0; k < dimensions; k++) add(k, lengthScalePrior(parameters[k], dimensions));
    add(dimensions, signalPrior(parameters[dimensions]));
    if (this.learnsTrend) add(dimensions + 1, trendPrior(parameters[dimensions + 1]));
    if (this.learnsNoise) add(this.noiseIndex, noisePrior(parameters[this.noiseIndex]));
    if (this.learnsForgetting) add(this.size - 1, forgettingPrior(parameters[this.size - 1]));
    return sum;
  }

  /** The box of the search, as logarithms. */
  bounds(): { lower: Float64Array; upper: Float64Array } {
    const { dimensions } = this.observations;
    const ranges: (readonly [number, number])[] = Array.from({ length: dimensions }, () => BOUNDS.lengthScale);
    ranges.push(BOUNDS.signalVariance);
    if (this.learnsTrend) ranges.push(BOUNDS.trendVariance);
    if (this.learnsNoise) ranges.push(BOUNDS.noiseVariance);
    if (this.learnsForgetting) ranges.push(BOUNDS.forgettingRate);
    return {
      lower: Float64Array.from(ranges, ([low]) => Math.log(low)),
      upper: Float64Array.from(ranges, ([, high]) => Math.log(high)),
    };
  }
}

function trendProducts({ points, count, dimensions }: Observations): Float64Array {
  const width = dimensions + 1;
  const features = new Float64Array(count * width);
  for (let i = 0; i < count; i++) writeTrendFeatures(points, i * dimensions, dimensions, features, i * width);
  const products = new Float64Array(count * count);
  for (let i = 0; i < count; i++) {
    for (let j = 0; j <= i; j++) {
      products[i * count + j] = dot(features, i * width, features, j * width, width);
    }
  }
  return products;
}

/** Hyper-parameters to start from where nothing is known: the middle of the priors. */
export function priorHyperparameters(dimensions: number): Hyperparameters {
  return {
    lengthScales: Array.from({ length: dimensions }, () => lengthScaleMode(dimensions)),
    signalVariance: 1,
    trendVariance: 1,
    noiseVariance: 1e-4,
    forgettingRate: 0.15,
  };
}

export interface FitOptions {
  /** Hyper-parameters of an earlier fit, the first start; without, the search starts at the priors. */
  previous?: Hyperparameters | null;
  /** Whether the covariance has a linear trend. */
  trend: boolean;
  /** Further starts drawn around the priors. */
  restarts: number;
  maximumIterations: number;
}

/**
 * The most probable hyper-parameters found from several starts.
 *
 * @returns the prior's where no start could be factored.
 */
export function fitHyperparameters(observations: Observations, random: Random, options: FitOptions): Hyperparameters {
  const posterior = new MarginalPosterior(observations, options.trend);
  const { dimensions } = observations;
  const prior = { ...priorHyperparameters(dimensions), trendVariance: options.trend ? 1 : 0 };
  const starts: Hyperparameters[] = [options.previous ?? prior];
  for (let i = 0; i < options.restarts; i++) {
    if (i === 0 && options.previous) {
      starts.push(prior);
      continue;
    }
    const common = 0.5 * random.normal();
    starts.push({
      lengthScales: prior.lengthScales.map((scale) => scale * Math.exp(common + 0.7 * random.normal())),
      signalVariance: Math.exp(0.5 * random.normal()),
      trendVariance: prior.trendVariance * Math.exp(0.5 * random.normal()),
      noiseVariance: 10 ** (-6 + 4 * random.uniform()),
      forgettingRate: prior.forgettingRate * Math.exp(0.5 * random.normal()),
    });
  }
  const box = posterior.bounds();
  let best: { value: number; hyperparameters: Hyperparameters } | null = null;
  for (const start of starts) {
    const result = minimize((point, gradient) => posterior.evaluate(point, gradient), posterior.encode(start), {
      ...box,
      maximumIterations: options.maximumIterations,
      gradientTolerance: 1e-3,
      valueTolerance: 1e-5,
      firstStep: 0.5,
    });
    if (result.value < (best?.value ?? Infinity)) {
      best = { value: result.value, hyperparameters: posterior.decode(result.point) };
    }
  }
  return best?.hyperparameters ?? prior;
}
