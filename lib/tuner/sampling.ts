/**
 * Reading images in an order that takes the uncertain ones first, and an error estimated from as many as were read.
 *
 * An image that every network gets right says nothing of the next one. With q_i the chance of a mistake on image i:
 *
 *   s_i  = sqrt(q_i (1 - q_i))               size: the standard deviation of the mistake
 *   k_i  = u_i / s_i                         images are read by rising k_i, with u_i uniform in [0, 1)
 *   pi_i = min(1, s_i tau)                   chance that i is among those read; tau = k of the first image not read
 *
 * (sequential Poisson sampling: Ohlsson, Journal of Official Statistics 14, 1998). Taking tau from the image after those read makes
 * sums weighted by 1 / pi_i unbiased and their terms uncorrelated whatever the sizes are (priority sampling: Duffield, Lund and
 * Thorup, Journal of the ACM 54, 2007): wrong chances cost images, not truth.
 *
 * A prediction y_i of every mistake x_i leaves only the difference to be estimated (the difference estimator: Cassel, Särndal
 * and Wretman, Biometrika 63, 1976), over all N images:
 *
 *   e      = mean(y) + sum over those read of (x_i - y_i) / pi_i / N
 *   Var(e) = sum over all of E (x_i - y_i)^2 (1 - pi_i) / pi_i / N^2
 *
 * Of few images the variance is itself uncertain, and so it is modelled, E (x_i - y_i)^2 = c s_i^2: a prediction by the chances
 * themselves has c = 1, one by a network that fails alike has less.
 */
import type { Random } from '../bayes/rng.js';

/**
 * Images' worth of c = 1 taken for read: a prediction right on all of the first images must not look certain, the less so as it
 * is the best of many. On the emulated search errors miss by 1.2 standard errors with it, by 1.5 with half of it, and with twice
 * the search finds networks 4% larger.
 */
const PSEUDO_IMAGES = 4;

/** An estimated error and how far to trust it. */
export interface ErrorEstimate {
  /** Share of all images that are mistaken, in [0, 1]; exact when all were read. */
  error: number;
  /** Its standard error, share; 0 when all were read. */
  deviation: number;
}

/** What may be thought of each image's mistake before it is read. */
export interface Prediction {
  /** Of every image in its own order, in [0, 1]. */
  values: Uint8Array | Float64Array;
  /** Mean of `values`. */
  mean: number;
}

/** A prediction with its mean. */
export function predictionOf(values: Uint8Array | Float64Array): Prediction {
  let sum = 0;
  for (const value of values) sum += value;
  return { values, mean: sum / values.length };
}

/** An order of the images drawn by their chances of a mistake. */
export class ImageSample {
  /** Images in the order in which to read them. */
  readonly order: Uint32Array;
  /** s_i of each image. */
  readonly #sizes: Float64Array;
  /** k_i of each image. */
  readonly #keys: Float64Array;

  /** @param chances of a mistake on each image, in (0, 1). */
  constructor(chances: Float64Array, random: Random) {
    this.#sizes = chances.map((chance) => Math.sqrt(chance * (1 - chance)));
    const keys = this.#sizes.map((size) => random.uniform() / size);
    this.#keys = keys;
    this.order = Uint32Array.from(chances, (_, image) => image).sort((one, other) => keys[one] - keys[other]);
  }

  /**
   * The error on all images.
   * @param mistakes (0 or 1) of the first n images of the order, n >= 1.
   * @param predictions of which the one that leaves the least deviation is taken; at least one.
   */
  estimate(mistakes: Uint8Array, predictions: readonly Prediction[]): ErrorEstimate {
    const images = this.order.length;
    if (mistakes.length === images) return { error: predictionOf(mistakes).mean, deviation: 0 };
    const weights = this.#weights(mistakes.length);
    const { readVariance, priorVariance, variance } = this.#variances(weights, mistakes.length);
    let least = Infinity;
    let error = 0;
    for (const prediction of predictions) {
      const { sum, squares } = this.#differences(mistakes, prediction, weights);
      const factor = (squares + priorVariance) / (readVariance + priorVariance);
      if (factor >= least) continue;
      least = factor;
      error = prediction.mean + sum / images;
    }
    return { error: Math.min(1, Math.max(0, error)), deviation: Math.sqrt(least * variance) / images };
  }

  /** 1 / pi_i of each image, in the order of reading. */
  #weights(read: number): Float64Array {
    const threshold = this.#keys[this.order[read]];
    return Float64Array.from(this.order, (image) => Math.max(1, 1 / (this.#sizes[image] * threshold)));
  }

  /** Sums of s_i^2 / pi_i over the images read, the same for the prior, and of s_i^2 (1 - pi_i) / pi_i over all. */
  #variances(weights: Float64Array, read: number): { readVariance: number; priorVariance: number; variance: number } {
    let total = 0;
    let readVariance = 0;
    let variance = 0;
    for (let position = 0; position < weights.length; position++) {
      const square = this.#sizes[this.order[position]] ** 2;
      total += square;
      if (position < read) readVariance += square * weights[position];
      variance += square * (weights[position] - 1);
    }
    return { readVariance, priorVariance: (PSEUDO_IMAGES * total) / read, variance };
  }

  /** Sums of x_i - y_i and of their squares, weighted, over the images read. */
  #differences(mistakes: Uint8Array, { values }: Prediction, weights: Float64Array): { sum: number; squares: number } {
    let sum = 0;
    let squares = 0;
    for (let position = 0; position < mistakes.length; position++) {
      const difference = mistakes[position] - values[this.order[position]];
      sum += difference * weights[position];
      squares += difference * difference * weights[position];
    }
    return { sum, squares };
  }
}
