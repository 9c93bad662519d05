/**
 * Racing: a candidate is read image by image only as far as it is worth (Maron and Moore, "Hoeffding Races", NIPS 1993).
 *
 * The limit is an error on N given images, and candidates of one round fail on much the same of them. Every network that was read
 * on all images is therefore a reference: it predicts the mistakes of the next candidate, so that only the difference has to
 * be estimated (the blocking of Moore and Lee, ICML 1994), and all of them together tell which images are uncertain, which are
 * read first (sampling.ts). Of the predictions the one that leaves the least deviation is taken; it is as a rule a candidate nearby.
 *
 * The chance of a mistake on image i, over the references r and a prior at the limit's own rate:
 *
 *   q_i = (sum k_r x_ri + rate) / (sum k_r + 1),   k_r = 1 / (1 + max(0, error_r - limit) / 0.1)
 *
 * Every candidate reads the images in an order of its own. In one order for all, a first part harder than the rest makes all that
 * stop there look worse than they are by the same amount, which the surrogate takes for a limit that lies lower than it does.
 *
 * Stopping early favours the lucky, so whatever would become the smallest network by more than a trifle is read to the end: only
 * what was read on all images is committed to, and it is a reference from then on. With e the estimate and
 * p = Phi((limit - e) / deviation) the chance that the candidate is within the limit, it is read on while
 * p log(compression / smallest) is worth it; then only until its side of the limit is known, or its error well enough.
 */
import { normalDistribution } from '../bayes/normal.js';
import { Random } from '../bayes/rng.js';
import { type ErrorEstimate, ImageSample, type Prediction, predictionOf } from './sampling.js';

/** Expected gain, in log compression over the smallest network, at which a candidate is worth reading on. */
const WORTHWHILE_GAIN = 0.005;
/** Standard errors from the limit at which the side that a candidate is on is known. */
const CLEAR_DEVIATIONS = 2;
/** Standard error, share, at which an error is known well enough for the surrogate. */
const FINE_DEVIATION = 0.03;
/** Error above the limit, share, at which a reference counts half: networks far above fail on images of their own. */
const HALF_WEIGHT_EXCESS = 0.1;

/** The race of one round's candidates against one limit: each is entered, read in its order, and settled before the next. */
export class Race {
  /** Images in all. */
  readonly images: number;
  /** Error that a candidate may have, share. */
  readonly limit: number;
  /** Mistakes of the networks that were read on all images. */
  readonly #references: Prediction[] = [];
  /** Compression to beat: that of the smallest network within the limit on all images. */
  #best = 1;
  /** Candidates settled so far. */
  #settled = 0;

  /**
   * @param unpruned mistakes (0 or 1 an image) of the network without a candidate's thresholds.
   * @param limit error that a candidate may have, share.
   */
  constructor(unpruned: Uint8Array, limit: number) {
    this.images = unpruned.length;
    this.limit = limit;
    this.#remember(unpruned, 1);
  }

  /**
   * Enters the next candidate, of this compression. Its order follows from what was settled before, so that a run that goes on
   * from its journal reads as the run that was cut off would have.
   */
  enter(compression: number): Entrant {
    const chances = chancesOf(this.#references, this.limit);
    const sample = new ImageSample(chances, new Random(this.#settled + 1));
    const predictions = [...this.#references, predictionOf(chances)];
    return new Entrant(sample, predictions, { limit: this.limit, gain: Math.log(compression / this.#best) });
  }

  /**
   * Settles a candidate. One that was read on all images is a reference from now on, and one to beat if it is within the limit.
   * @param mistakes of all images in their own order; null where some were not read.
   */
  settle(mistakes: Uint8Array | null, compression: number): void {
    this.#settled++;
    if (mistakes !== null) this.#remember(mistakes, compression);
  }

  #remember(mistakes: Uint8Array, compression: number): void {
    const reference = predictionOf(mistakes);
    this.#references.push(reference);
    if (reference.mean <= this.limit) this.#best = Math.max(this.#best, compression);
  }
}

/** A candidate in a race. */
export class Entrant {
  readonly #sample: ImageSample;
  readonly #predictions: readonly Prediction[];
  readonly #limit: number;
  readonly #gain: number;

  /** @param aim the error allowed, and the logarithm of how much smaller than the smallest network the candidate is. */
  constructor(sample: ImageSample, predictions: readonly Prediction[], aim: { limit: number; gain: number }) {
    this.#sample = sample;
    this.#predictions = predictions;
    this.#limit = aim.limit;
    this.#gain = aim.gain;
  }

  /** Images in the order in which to read them. */
  get order(): Uint32Array {
    return this.#sample.order;
  }

  /** @param mistakes (0 or 1) of the first n images of the order, n >= 1. */
  estimate(mistakes: Uint8Array): ErrorEstimate {
    return this.#sample.estimate(mistakes, this.#predictions);
  }

  /** Whether the candidate need not be read further. @param mistakes as of `estimate`, of some but not all images. */
  isDecided(mistakes: Uint8Array): boolean {
    const { error, deviation } = this.estimate(mistakes);
    // Half an image more: the limit itself is within the limit.
    const margin = (this.#limit + 0.5 / this.order.length - error) / deviation;
    if (normalDistribution(margin) * this.#gain > WORTHWHILE_GAIN) return false;
    return Math.abs(margin) > CLEAR_DEVIATIONS || deviation < FINE_DEVIATION;
  }
}

/** Chance of a mistake on each image for a candidate about the limit, in (0, 1). */
function chancesOf(references: readonly Prediction[], limit: number): Float64Array {
  const images = references[0].values.length;
  // Neither 0 nor 1 even where the limit is: an image that cannot be mistaken would never be read.
  const chances = new Float64Array(images).fill((limit * images + 1) / (images + 2));
  let total = 1;
  for (const { values, mean } of references) {
    const weight = 1 / (1 + Math.max(0, mean - limit) / HALF_WEIGHT_EXCESS);
    total += weight;
    for (let image = 0; image < images; image++) chances[image] += weight * values[image];
  }
  return chances.map((chance) => chance / total);
}
