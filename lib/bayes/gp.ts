/**
 * Exact Gaussian-process regression in float64, conditioned on given hyper-parameters.
 *
 * Notation (n observations, d coordinates)
 *   x_i, t_i   points [n, d] in the unit cube and their times [n]
 *   y          targets [n], standardised
 *   v_i        noise variance of y_i [n]: known, or the learned one
 *   K          k(x_i, x_j) + v_i delta_ij [n, n] = L L^T
 *   c          constant mean with prior N(0, 1), at its most probable value
 *              c = 1^T K^-1 y / (1^T K^-1 1 + 1)
 *   alpha      K^-1 (y - c 1) [n]
 *   k_*        k(x_i, x) [n] at a new point x
 *
 *   mean(x)      = c + k_*^T alpha                          gradient  sum_i alpha_i  dk_i/dx
 *   variance(x)  = k(x, x) - |L^-1 k_*|^2                   gradient  dk(x,x)/dx - 2 sum_i beta_i dk_i/dx,  beta = K^-1 k_*
 *   dk_i/dx_k    = k'(r_i^2) 2 (x_k - x_ik) / l_k^2 + w (x_ik - 1/2 + u_i) m_i,  k' = d k / d(r^2), m_i the
 *                  memory of t_i, u_i the last entry of kernel.ts's u at x_i
 *
 * (Rasmussen and Williams, "Gaussian processes for machine learning", 2006, eq. 2.25, 2.26.)
 */
import { choleskyRow, choleskyWithJitter, dot, solveLower, solveLowerTransposed } from './linalg.js';
import { writeTrendFeatures } from './kernel.js';
import type { Hyperparameters } from './kernel.js';

const SQRT5 = Math.sqrt(5);

/** Observations of one quantity. */
export interface Observations {
  dimensions: number;
  count: number;
  /** [count, dimensions], row by row. */
  points: Float64Array;
  /** [count]; all 0 where time plays no part. */
  times: Float64Array;
  /** [count], standardised. */
  targets: Float64Array;
  /** [count], variance of each target's noise where known, NaN where the learned one applies. */
  noiseVariances: Float64Array;
}

/** A posterior at one point; the gradients are those of the last call that asked for them. */
export interface Prediction {
  mean: number;
  variance: number;
  meanGradient: Float64Array;
  varianceGradient: Float64Array;
}

/** An empty `Prediction` to be written to. */
export function createPrediction(dimensions: number): Prediction {
  return {
    mean: 0,
    variance: 0,
    meanGradient: new Float64Array(dimensions),
    varianceGradient: new Float64Array(dimensions),
  };
}

/** A Gaussian process conditioned on observations; `extend` adds more at the cost of O(n^2). */
export class GaussianProcess {
  readonly dimensions: number;
  count: number;
  /** c of the notation. */
  mean = 0;
  private readonly capacity: number;
  private readonly inverseScales: Float64Array;
  /** Points divided by the length scales [capacity, d]. */
  private readonly scaled: Float64Array;
  /** What the trend sees: kernel.ts's u [capacity, d + 1]. */
  private readonly features: Float64Array;
  private readonly queryFeatures: Float64Array;
  private readonly times: Float64Array;
  private readonly targets: Float64Array;
  private readonly factor: Float64Array;
  private readonly jitter: number;
  private readonly alpha: Float64Array;
  private readonly covariances: Float64Array;
  private readonly slopes: Float64Array;
  private readonly memories: Float64Array;
  private readonly solved: Float64Array;
  private readonly query: Float64Array;

  /**
   * @param room how many observations `extend` may add.
   * @throws NumericsError where the covariance cannot be factored.
   */
  constructor(
    observations: Observations,
    readonly hyperparameters: Hyperparameters,
    room = 0,
  ) {
    const { count, dimensions } = observations;
    this.dimensions = dimensions;
    this.count = count;
    this.capacity = count + room;
    this.inverseScales = Float64Array.from(hyperparameters.lengthScales, (scale) => 1 / scale);
    this.scaled = new Float64Array(this.capacity * dimensions);
    this.features = new Float64Array(this.capacity * (dimensions + 1));
    this.queryFeatures = new Float64Array(dimensions + 1);
    this.times = new Float64Array(this.capacity);
    this.targets = new Float64Array(this.capacity);
    this.factor = new Float64Array(this.capacity * this.capacity);
    this.alpha = new Float64Array(this.capacity);
    this.covariances = new Float64Array(this.capacity);
    this.slopes = new Float64Array(this.capacity);
    this.memories = new Float64Array(this.capacity);
    this.solved = new Float64Array(this.capacity);
    this.query = new Float64Array(dimensions);
    const matrix = new Float64Array(this.capacity * this.capacity);
    for (let i = 0; i < count; i++) {
      this.place(i, observations.points, i * dimensions, observations.times[i], observations.targets[i]);
      this.fillRow(matrix, i, noiseOf(observations.noiseVariances[i], hyperparameters));
    }
    this.jitter = choleskyWithJitter(matrix, this.factor, this.capacity, count);
    this.solveTargets();
  }

  /**
   * Adds one observation, the factor growing by a row.
   *
   * @returns false, with nothing changed, where the point is so near another that the factor cannot grow.
   */
  extend(point: ArrayLike<number>, time: number, target: number, noiseVariance: number): boolean {
    const i = this.count;
    if (i >= this.capacity) return false;
    this.place(i, point, 0, time, target);
    this.fillRow(this.factor, i, noiseOf(noiseVariance, this.hyperparameters) + this.jitter);
    if (!choleskyRow(this.factor, this.capacity, i)) return false;
    this.count++;
    this.solveTargets();
    return true;
  }

  /** Posterior mean alone, at a cost of O(n d) instead of O(n^2). */
  predictMean(point: ArrayLike<number>, time: number): number {
    this.fillCovariances(point, time);
    return this.mean + dot(this.covariances, 0, this.alpha, 0, this.count);
  }

  /** Posterior mean and variance of the noise-free function at `point`, with gradients if asked; written to `target`. */
  predict(point: ArrayLike<number>, time: number, target: Prediction, withGradients: boolean): void {
    const { dimensions, count, scaled, query, covariances, slopes, solved, inverseScales } = this;
    const priorVariance = this.fillCovariances(point, time);
    target.mean = this.mean + dot(covariances, 0, this.alpha, 0, count);
    for (let i = 0; i < count; i++) solved[i] = covariances[i]!;
    solveLower(this.factor, this.capacity, count, solved);
    // Rounding may leave a value below zero at an observed point; the floor keeps its logarithm finite.
    target.variance = Math.max(priorVariance - dot(solved, 0, solved, 0, count), 1e-14 * priorVariance);
    if (!withGradients) return;
    solveLowerTransposed(this.factor, this.capacity, count, solved);
    const { meanGradient, varianceGradient } = target;
    meanGradient.fill(0);
    varianceGradient.fill(0);
    for (let i = 0, offset = 0; i < count; i++, offset += dimensions) {
      const forMean = 2 * slopes[i] * this.alpha[i];
      const forVariance = -4 * slopes[i] * solved[i];
      for (let k = 0; k < dimensions; k++) {
        const difference = query[k] - scaled[offset + k];
        meanGradient[k] += forMean * difference;
        varianceGradient[k] += forVariance * difference;
      }
    }
    for (let k = 0; k < dimensions; k++) {
      meanGradient[k] *= inverseScales[k];
      varianceGradient[k] *= inverseScales[k];
    }
    if (this.hyperparameters.trendVariance > 0) this.addTrendGradient(target);
  }

  /** k_* and what its gradient needs, for a new point; returns k(x, x). */
  private fillCovariances(point: ArrayLike<number>, time: number): number {
    const { dimensions, count, scaled, features, queryFeatures, query, covariances, slopes, memories, inverseScales } =
      this;
    const { signalVariance, trendVariance, forgettingRate } = this.hyperparameters;
    for (let k = 0; k < dimensions; k++) query[k] = point[k] * inverseScales[k];
    let priorVariance = signalVariance;
    if (trendVariance > 0) {
      writeTrendFeatures(point, 0, dimensions, queryFeatures, 0);
      priorVariance += trendVariance * dot(queryFeatures, 0, queryFeatures, 0, dimensions + 1);
    }
    for (let i = 0, offset = 0; i < count; i++, offset += dimensions) {
      let squared = 0;
      for (let k = 0; k < dimensions; k++) {
        const difference = query[k] - scaled[offset + k];
        squared += difference * difference;
      }
      const a = SQRT5 * Math.sqrt(squared);
      const memory = forgettingRate > 0 ? Math.exp(-forgettingRate * Math.abs(time - this.times[i])) : 1;
      const decay = signalVariance * Math.exp(-a) * memory;
      covariances[i] = (1 + a + (5 / 3) * squared) * decay;
      slopes[i] = (-5 / 6) * (1 + a) * decay;
      if (trendVariance > 0) {
        memories[i] = trendVariance * memory;
        covariances[i] += memories[i] * dot(queryFeatures, 0, features, i * (dimensions + 1), dimensions + 1);
      }
    }
    return priorVariance;
  }

  private addTrendGradient({ meanGradient, varianceGradient }: Prediction): void {
    const { dimensions, count, features, queryFeatures, memories, solved, alpha } = this;
    for (let k = 0; k < dimensions; k++) {
      varianceGradient[k] += 2 * this.hyperparameters.trendVariance * (queryFeatures[k] + queryFeatures[dimensions]);
    }
    for (let i = 0, offset = 0; i < count; i++, offset += dimensions + 1) {
      const forMean = memories[i] * alpha[i];
      const forVariance = -2 * memories[i] * solved[i];
      for (let k = 0; k < dimensions; k++) {
        const feature = features[offset + k] + features[offset + dimensions];
        meanGradient[k] += forMean * feature;
        varianceGradient[k] += forVariance * feature;
      }
    }
  }

  private place(i: number, points: ArrayLike<number>, offset: number, time: number, target: number): void {
    for (let k = 0; k < this.dimensions; k++) {
      this.scaled[i * this.dimensions + k] = points[offset + k] * this.inverseScales[k];
    }
    writeTrendFeatures(points, offset, this.dimensions, this.features, i * (this.dimensions + 1));
    this.times[i] = time;
    this.targets[i] = target;
  }

  /** Row i of K, lower triangle. */
  private fillRow(matrix: Float64Array, i: number, noise: number): void {
    const { dimensions, scaled, features } = this;
    const { signalVariance, trendVariance, forgettingRate } = this.hyperparameters;
    const row = i * this.capacity;
    const at = i * dimensions;
    const width = dimensions + 1;
    for (let j = 0; j < i; j++) {
      let squared = 0;
      for (let k = 0; k < dimensions; k++) {
        const difference = scaled[at + k] - scaled[j * dimensions + k];
        squared += difference * difference;
      }
      const a = SQRT5 * Math.sqrt(squared);
      let value = signalVariance * (1 + a + (5 / 3) * squared) * Math.exp(-a);
      if (trendVariance > 0) value += trendVariance * dot(features, i * width, features, j * width, width);
      if (forgettingRate > 0) value *= Math.exp(-forgettingRate * Math.abs(this.times[i] - this.times[j]));
      matrix[row + j] = value;
    }
    matrix[row + i] = signalVariance + trendVariance * dot(features, i * width, features, i * width, width) + noise;
  }

  private solveTargets(): void {
    const { count, capacity, factor, alpha, targets } = this;
    const ones = new Float64Array(count).fill(1);
    const values = targets.slice(0, count);
    solveLower(factor, capacity, count, ones);
    solveLower(factor, capacity, count, values);
    this.mean = dot(ones, 0, values, 0, count) / (dot(ones, 0, ones, 0, count) + 1);
    for (let i = 0; i < count; i++) alpha[i] = values[i] - this.mean * ones[i];
    solveLowerTransposed(factor, capacity, count, alpha);
  }
}

function noiseOf(known: number, hyperparameters: Hyperparameters): number {
  return Number.isNaN(known) ? hyperparameters.noiseVariance : known;
}
