/**
 * Racing: a candidate is read image by image only until it is clear on which side of the limit it lies.
 *
 * The limit is an error on N given images, and the error of the unpruned network on them is known image by image. So only the
 * difference between the two has to be estimated from the first n images, which come in random order:
 *
 *   d_i = 1, 0 or -1: what pruning changed on image i;   e_n = e_0 + mean(d_1..d_n)
 *   Var(e_n) = Var(d) / n * (1 - n / N)
 *
 * with e_0 the unpruned error on all N. d varies less than the errors themselves, both networks failing on the same hard images;
 * the last factor belongs to drawing without replacement and is 0 at n = N, where e_n is the error itself. (Maron and Moore,
 * "Hoeffding Races", NIPS 1993, is the idea; the paired difference is the "blocking" of Moore and Lee, ICML 1994.)
 *
 * Stopping on a part favours the lucky: the winner is therefore read to the end before anything is made of it.
 */

/** Standard errors above the limit at which a candidate is given up: a wrong verdict loses it for good. */
const GIVE_UP_DEVIATIONS = 2;
/** Standard errors below the limit at which it passes: a wrong verdict is found out when the winner is read to the end. */
const PASS_DEVIATIONS = 1.5;
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

/** Compares candidates with the unpruned network on the same images. */
export class Race {
  readonly #labels: Int32Array;
  /** 1 for every image that the unpruned network gets wrong. */
  readonly #reference: Uint8Array;
  readonly #referenceErrors: number;

  /**
   * @param labels class of each image.
   * @param reference class that the unpruned network predicts for each.
   */
  constructor(labels: Int32Array, reference: Int32Array) {
    this.#labels = labels;
    this.#reference = Uint8Array.from(labels, (label, index) => Number(reference[index] !== label));
    this.#referenceErrors = this.#reference.reduce((sum, wrong) => sum + wrong, 0);
  }

  /** @param predicted classes predicted for the first n images, n >= 1. */
  estimate(predicted: Int32Array): RaceEstimate {
    const images = predicted.length;
    const all = this.#labels.length;
    let sum = 0;
    let squares = 0;
    for (let index = 0; index < images; index++) {
      const difference = Number(predicted[index] !== this.#labels[index]) - this.#reference[index];
      sum += difference;
      squares += difference * difference;
    }
    const mean = sum / images;
    const variance = (squares + PSEUDO_DIFFERENCES) / (images + PSEUDO_IMAGES) - mean * mean;
    // Whole numbers until the last division: with all images read, the error is exact.
    const errors = this.#referenceErrors + sum * (all / images);
    return {
      error: Math.min(1, Math.max(0, errors / all)),
      deviation: Math.sqrt(Math.max(0, (variance / images) * (1 - images / all))),
    };
  }

  /** Whether the images read leave no doubt on which side of the limit the candidate is. */
  isDecided(predicted: Int32Array, limit: number): boolean {
    const { error, deviation } = this.estimate(predicted);
    return error - GIVE_UP_DEVIATIONS * deviation > limit || error + PASS_DEVIATIONS * deviation <= limit;
  }
}

/** A candidate with a verdict, perhaps on a part of the images. */
export interface RacedCandidate {
  compression: number;
  feasible: boolean;
  /** Images read. */
  images: number;
}

/**
 * The smallest network that is feasible on all images: the best by its verdict is read to the end, and where that changes the
 * verdict, the next best.
 * @param all images in all.
 * @param readAll reads a candidate to the end.
 */
export async function smallestConfirmed<Candidate extends RacedCandidate>(
  candidates: readonly Candidate[],
  all: number,
  readAll: (candidate: Candidate) => Promise<Candidate>,
): Promise<Candidate | undefined> {
  const feasible = candidates.filter((candidate) => candidate.feasible);
  feasible.sort((one, other) => other.compression - one.compression);
  for (const candidate of feasible) {
    const read = candidate.images === all ? candidate : await readAll(candidate);
    if (read.feasible) return read;
  }
  return undefined;
}
