/**
 * Racing on the candidates of a search that read all images: how much of the images it would have read, and what it would have
 * chosen of the same candidates. Two searches part ways at the first candidate they judge differently, so that what they find
 * differs by luck as well; here nothing but the racing differs.
 */
import { Race } from '../../tuner/race.js';
import { randomOrder } from '../../tuner/shuffle.js';

/** A candidate whose mistakes on all images are known. */
export interface ReadCandidate {
  compression: number;
  /** Mistakes (0 or 1), one an image. */
  mistakes: Uint8Array;
}

/** What racing comes to on a list of candidates; means over the draws. */
export interface ReplayedRace {
  /** Share of the images read, those of the unpruned network included. */
  share: number;
  /** Compression chosen over the highest within the limit, in (0, 1]. */
  choice: number;
}

/** Draws of the order of images over which is averaged. */
const DRAWS = 20;

/**
 * @param unpruned mistakes of the network without a candidate's thresholds.
 * @param candidates in the order in which they were proposed.
 * @param limit error that a candidate may have, share.
 * @param step images between two looks at a candidate's chances.
 */
export function replayRace(
  unpruned: Uint8Array,
  candidates: readonly ReadCandidate[],
  { limit, step }: { limit: number; step: number },
): ReplayedRace {
  const best = Math.max(1, ...candidates.filter((one) => errorOf(one.mistakes) <= limit).map((one) => one.compression));
  let read = 0;
  let choices = 0;
  for (let draw = 1; draw <= DRAWS; draw++) {
    const images = randomOrder(unpruned.length, draw);
    const inDraw = (mistakes: Uint8Array): Uint8Array => Uint8Array.from(images, (image) => mistakes[image]);
    const race = new Race(inDraw(unpruned), limit);
    read += images.length;
    let chosen = 1;
    for (const { compression, mistakes } of candidates) {
      const drawn = inDraw(mistakes);
      const count = imagesRead(race, drawn, compression, step);
      read += count;
      const whole = count === images.length;
      race.settle(whole ? drawn : null, compression);
      if (whole && errorOf(mistakes) <= limit) chosen = Math.max(chosen, compression);
    }
    choices += chosen / best;
  }
  return { share: read / (unpruned.length * (candidates.length + 1) * DRAWS), choice: choices / DRAWS };
}

/** Images of a candidate read before its race is decided. */
function imagesRead(race: Race, mistakes: Uint8Array, compression: number, step: number): number {
  const entrant = race.enter(compression);
  const inOrder = Uint8Array.from(entrant.order, (image) => mistakes[image]);
  let count = step;
  while (count < mistakes.length && !entrant.isDecided(inOrder.subarray(0, count))) count += step;
  return Math.min(count, mistakes.length);
}

function errorOf(mistakes: Uint8Array): number {
  let sum = 0;
  for (const mistake of mistakes) sum += mistake;
  return sum / mistakes.length;
}
