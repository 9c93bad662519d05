/**
 * A pruning problem with a formula: the product's real use, small enough to be run many thousand times.
 *
 * Coordinate k in [0, 1] is the logarithm of layer k's keep fraction, x_k = log(keep_k) / log(smallest keep). Each layer has
 * a keep fraction c_k at which it breaks; damage adds up over layers and the error saturates at chance:
 *
 *     damage(x) = sum_k w (c_k / keep_k)^p_k,   error(x) = e_0 + (e_max - e_0) (1 - exp(-damage))
 *
 * The measured drop is that of a binomial with the tune set's size. The objective is known: the logarithm of the kept share
 * of all parameters. With rounds, training between them makes layers tougher: c_k falls.
 */
import { Random } from '../../bayes/rng.js';

/** Weights of AlexNet's layers (C = 10). */
export const ALEXNET_LAYERS = [34848, 307200, 884736, 663552, 442368, 37748736, 16777216, 40960];

/** Weights of SqueezeNet 1.1's layers (C = 7). */
export const SQUEEZENET_LAYERS = [
  1728, 1024, 1024, 9216, 2048, 1024, 9216, 4096, 4096, 36864, 8192, 4096, 36864, 12288, 9216, 82944, 18432, 9216,
  82944, 24576, 16384, 147456, 32768, 16384, 147456, 3584,
];

const SMALLEST_KEEP = 0.005;
const BASE_ERROR = 0.12;
const LARGEST_ERROR = 0.85;

export class PruningToy {
  private readonly total: number;
  private readonly breaking: number[];
  private readonly steepness: number[];
  private readonly random: Random;

  constructor(
    readonly layers: readonly number[],
    readonly maximumDrop: number,
    readonly images: number,
    seed: number,
  ) {
    this.random = new Random(1000 + seed);
    this.total = layers.reduce((a, b) => a + b, 0);
    const largest = Math.max(...layers);
    // Large layers carry more redundancy, as fully connected ones do.
    this.breaking = layers.map(
      (count) => Math.min(0.8, 0.05 * (largest / count) ** 0.35) * Math.exp(0.5 * this.random.normal()),
    );
    this.steepness = layers.map(() => 1.5 + 1.5 * this.random.uniform());
  }

  get dimensions(): number {
    return this.layers.length;
  }

  keep(point: ArrayLike<number>): number[] {
    return this.layers.map((_, k) => SMALLEST_KEEP ** point[k]);
  }

  /** The known objective: log of the kept share, to be minimised. */
  readonly objective = (point: ArrayLike<number>): number => {
    const kept = this.layers.reduce((sum, count, k) => sum + count * SMALLEST_KEEP ** point[k], 0);
    return Math.log(kept / this.total);
  };

  /** The true drop of accuracy. */
  drop(point: ArrayLike<number>): number {
    const whole = this.layers.reduce((sum, _, k) => {
      const keep = SMALLEST_KEEP ** point[k];
      return sum + 0.05 * ((this.breaking[k] / keep) ** this.steepness[k] - this.breaking[k] ** this.steepness[k]);
    }, 0);
    return (LARGEST_ERROR - BASE_ERROR) * (1 - Math.exp(-whole));
  }

  /** A measured drop over the limit, with the variance of its noise. */
  measure(point: ArrayLike<number>): { constraint: number; noiseVariance: number } {
    const error = BASE_ERROR + this.drop(point);
    let wrong = 0;
    for (let i = 0; i < this.images; i++) if (this.random.uniform() < error) wrong++;
    const share = wrong / this.images;
    const smoothed = (wrong + 1) / (this.images + 2);
    return {
      constraint: share - BASE_ERROR - this.maximumDrop,
      noiseVariance: (smoothed * (1 - smoothed)) / this.images,
    };
  }

  /** One round of training: layers get tougher, each in its own measure. */
  train(): void {
    for (let k = 0; k < this.breaking.length; k++) this.breaking[k] *= Math.exp(-0.25 + 0.1 * this.random.normal());
  }

  /** Compression at the point, drawn back towards no pruning until it truly meets the limit. */
  honestCompression(point: ArrayLike<number>): number {
    let low = 0;
    let high = 1;
    const scaled = (share: number): number[] => Array.from(point, (value) => value * share);
    if (this.drop(point) <= this.maximumDrop) low = 1;
    else
      for (let i = 0; i < 50; i++) {
        const middle = (low + high) / 2;
        if (this.drop(scaled(middle)) <= this.maximumDrop) low = middle;
        else high = middle;
      }
    return Math.exp(-this.objective(scaled(low)));
  }

  /** The largest compression within the limit: the damage is separable, so that one multiplier solves it exactly. */
  bestCompression(): number {
    const rate = -Math.log(SMALLEST_KEEP);
    const optimal = (logMultiplier: number): number[] =>
      this.layers.map((count, k) => {
        const p = this.steepness[k];
        const logHarm = Math.log(0.05 * p) + p * Math.log(this.breaking[k]);
        return Math.min(1, Math.max(0, (Math.log(count) - logMultiplier - logHarm) / (rate * (1 + p))));
      });
    let low = -50;
    let high = 100;
    for (let i = 0; i < 100; i++) {
      const middle = (low + high) / 2;
      if (this.drop(optimal(middle)) <= this.maximumDrop) high = middle;
      else low = middle;
    }
    return Math.exp(-this.objective(optimal(high)));
  }
}
