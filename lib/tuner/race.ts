/**
 * Racing: a candidate is read image by image only as far as it is worth.
 *
 * The limit is an error on N given images. Candidates of one round fail on much the same images, and so a candidate is compared
 * on the n images read so far with networks that were read on all: only the difference between the two has to be estimated.
 *
 *   d_i = 1, 0 or -1: what differs on image i;   e_n = e_reference + mean(d_1..d_n)
 *   Var(e_n) = Var(d) / n * (1 - n / N)
 *
 * with e_reference the reference's error on all N images and the last factor that of drawing without replacement: at n = N, e_n
 * is the candidate's error itself. Of several references the one that differs least is taken; it is as a rule a candidate nearby,
 * which differs on far fewer images than the unpruned network does. (Maron and Moore, "Hoeffding Races", NIPS 1993, is the
 * idea; the paired difference is the blocking of Moore and Lee, ICML 1994.)
 *
 * Stopping early favours the lucky, so whatever would become the smallest network by more than a trifle is read to the end: only
 * what was read on all images is committed to, and it is a reference from then on.
 */

/** Standard errors above the limit at which a candidate is given up: fewer would tell the surrogate of bad luck as of harm. */
const GIVE_UP_DEVIATIONS = 3;
/** Standard errors below the limit at which a candidate passes that is not the smallest. */
const PASS_DEVIATIONS = 1.5;
/** Standard error, share, at which a candidate above the limit is known well enough for the surrogate. */
const FINE_DEVIATION = 0.03;
/** By how much smaller than the smallest a network must be to be worth reading to the end. */
const NOTEWORTHY_GAIN = 1.01;
/** Pseudo-images with and without a difference: the first images, all alike, must not look certain. */
const PSEUDO_DIFFERENCES = 1;
const PSEUDO_IMAGES = 2;

/** What the images read so far say of a candidate. */
export interface RaceEstimate {
  /** Estimated error on all images, in [0, 1]; exact when all were read. */
  error: number;
  /** Its standard error, share; 0 when all were read. */
  deviation: number;
}

interface Reference {
  /** 1 for every image whose class is not first. */
  mistakes: Uint8Array;
  errors: number;
}

/** The race of one round's candidates against one limit. */
export class Race {
  /** Images in all. */
  readonly images: number;
  /** Error that a candidate may have, share. */
  readonly limit: number;
  readonly #references: Reference[] = [];
  /** Compression to beat: that of the smallest network within the limit on all images. */
  #best = 0;

  /**
   * @param unpruned mistakes (0 or 1 an image) of the network without a candidate's thresholds.
   * @param limit error that a candidate may have, share.
   */
  constructor(unpruned: Uint8Array, limit: number) {
    this.images = unpruned.length;
    this.limit = limit;
    this.remember(unpruned, 0);
  }

  /** Takes in a network that was read on all images: a reference, and one to beat if it is within the limit. */
  remember(mistakes: Uint8Array, compression: number): void {
    const errors = mistakes.reduce((sum, mistake) => sum + mistake, 0);
    this.#references.push({ mistakes, errors });
    if (errors / this.images <= this.limit) this.#best = Math.max(this.#best, compression);
  }

  /** @param mistakes of the first n images, n >= 1. */
  estimate(mistakes: Uint8Array): RaceEstimate {
    const read = mistakes.length;
    if (read === this.images) return { error: mistakes.reduce((sum, one) => sum + one, 0) / read, deviation: 0 };
    const estimates = this.#references.map((reference) => this.#estimateFrom(reference, mistakes));
    return estimates.reduce((best, one) => (one.deviation < best.deviation ? one : best));
  }

  /** Whether a candidate of this compression need not be read further. */
  isDecided(mistakes: Uint8Array, compression: number): boolean {
    const { error, deviation } = this.estimate(mistakes);
    if (error > this.limit) {
      return error - GIVE_UP_DEVIATIONS * deviation > this.limit || deviation < FINE_DEVIATION;
    }
    return compression < NOTEWORTHY_GAIN * this.#best && error + PASS_DEVIATIONS * deviation <= this.limit;
  }

  #estimateFrom(reference: Reference, mistakes: Uint8Array): RaceEstimate {
    const read = mistakes.length;
    let sum = 0;
    let squares = 0;
    for (let index = 0; index < read; index++) {
      const difference = mistakes[index] - reference.mistakes[index];
      sum += difference;
      squares += difference * difference;
    }
    const mean = sum / read;
    const variance = (squares + PSEUDO_DIFFERENCES) / (read + PSEUDO_IMAGES) - mean * mean;
    const unread = 1 - read / this.images;
    return {
      error: Math.min(1, Math.max(0, reference.errors / this.images + mean)),
      deviation: Math.sqrt(Math.max(0, (variance / read) * unread)),
    };
  }
}
