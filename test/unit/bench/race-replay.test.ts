import { describe, expect, it } from 'vitest';
import { Random } from '../../../lib/bayes/rng.js';
import { type ReadCandidate, replayRace } from '../../../lib/bench/search/race-replay.js';

const IMAGES = 320;
const LIMIT = 0.25;

/** Mistakes at a rate. */
function draw(random: Random, rate: number): Uint8Array {
  return Uint8Array.from({ length: IMAGES }, () => Number(random.uniform() < rate));
}

/** Breaks a share of what was right. */
function broken(random: Random, mistakes: Uint8Array, share: number): Uint8Array {
  return mistakes.map((mistake) => Number(mistake === 1 || random.uniform() < share));
}

function candidatesOf(random: Random, unpruned: Uint8Array, shares: readonly number[]): ReadCandidate[] {
  return shares.map((share, index) => ({ compression: 2 + index, mistakes: broken(random, unpruned, share) }));
}

describe('replayRace', () => {
  it('reads hopeless candidates in part only and chooses the best of the others', () => {
    const random = new Random(3);
    const unpruned = draw(random, 0.2);
    const candidates = candidatesOf(random, unpruned, [0.01, 0.01, 0.9, 0.8, 0.9, 0.8, 0.9]);
    const { share, choice } = replayRace(unpruned, candidates, { limit: LIMIT, step: 32 });
    expect(choice).toBe(1);
    // The unpruned network and the two within the limit are read whole, the five others for one look.
    expect(share).toBeCloseTo((3 + 5 * 0.1) / 8, 10);
  });

  it('says what racing loses where it takes too little to be decided', () => {
    const random = new Random(4);
    const unpruned = draw(random, 0.2);
    // A network within the limit whose mistakes are not those of the unpruned one looks bad on the images read first.
    const moved = Uint8Array.from(unpruned, (_, image) => Number(unpruned[image] === 0 && random.uniform() < 0.3));
    const candidates = [{ compression: 1.05, mistakes: moved }];
    expect(moved.reduce((sum, mistake) => sum + mistake, 0) / IMAGES).toBeLessThan(LIMIT);
    const { share, choice } = replayRace(unpruned, candidates, { limit: LIMIT, step: 4 });
    expect(share).toBeLessThan(1);
    expect(choice).toBeLessThan(1);
    expect(choice).toBeGreaterThan(1 / 1.05);
  });

  it('reads everything and loses nothing where one look is all images', () => {
    const random = new Random(5);
    const unpruned = draw(random, 0.2);
    const candidates = candidatesOf(random, unpruned, [0.01, 0.02, 0.5]);
    expect(replayRace(unpruned, candidates, { limit: LIMIT, step: IMAGES })).toEqual({ share: 1, choice: 1 });
  });
});
