import { describe, expect, it } from 'vitest';
import { Random } from '../../../lib/bayes/rng.js';
import { Race, type RacedCandidate, smallestConfirmed } from '../../../lib/tuner/race.js';

const IMAGES = 400;

/** Labels, and predictions that are wrong at a rate; class 0 is right, class 1 wrong. */
function predictions(random: Random, rate: number): Int32Array {
  return Int32Array.from({ length: IMAGES }, () => Number(random.uniform() < rate));
}

/** A pruned network's predictions: those of the unpruned one, changed on a share of the images. */
function pruned(random: Random, reference: Int32Array, broken: number, mended: number): Int32Array {
  return reference.map((wrong) => Number(wrong === 1 ? random.uniform() >= mended : random.uniform() < broken));
}

const labels = new Int32Array(IMAGES);

function errorOf(predicted: Int32Array): number {
  return predicted.reduce((sum, wrong) => sum + wrong, 0) / predicted.length;
}

/** Images read before the race is decided. */
function imagesRead(race: Race, predicted: Int32Array, limit: number): number {
  let images = 32;
  while (images < IMAGES && !race.isDecided(predicted.subarray(0, images), limit)) images += 32;
  return Math.min(images, IMAGES);
}

describe('Race', () => {
  it('gives the error itself once all images are read', () => {
    const random = new Random(1);
    const reference = predictions(random, 0.2);
    const candidate = pruned(random, reference, 0.1, 0.2);
    const { error, deviation } = new Race(labels, reference).estimate(candidate);
    expect(error).toBe(errorOf(candidate));
    expect(deviation).toBe(0);
  });

  it('estimates the error on all images without bias, within its standard error', () => {
    const random = new Random(2);
    let bias = 0;
    let inside = 0;
    for (let trial = 0; trial < 500; trial++) {
      const reference = predictions(random, 0.3);
      const candidate = pruned(random, reference, 0.12, 0.15);
      const { error, deviation } = new Race(labels, reference).estimate(candidate.subarray(0, 128));
      const miss = error - errorOf(candidate);
      bias += miss / 500;
      if (Math.abs(miss) <= deviation) inside++;
    }
    expect(Math.abs(bias)).toBeLessThan(0.005);
    expect(inside / 500).toBeGreaterThan(0.6);
    expect(inside / 500).toBeLessThan(0.8);
  });

  it('has a smaller standard error than the images alone would give, where both networks fail on the same', () => {
    const random = new Random(3);
    const reference = predictions(random, 0.4);
    const candidate = pruned(random, reference, 0.03, 0.03);
    const { deviation } = new Race(labels, reference).estimate(candidate.subarray(0, 100));
    expect(deviation).toBeLessThan(0.5 * Math.sqrt((0.4 * 0.6) / 100));
  });

  it('ends early on both sides and reads the doubtful to the end', () => {
    const random = new Random(4);
    const reference = predictions(random, 0.1);
    const race = new Race(labels, reference);
    const limit = errorOf(reference) + 0.05;
    expect(imagesRead(race, pruned(random, reference, 0.6, 0), limit)).toBeLessThanOrEqual(64);
    expect(imagesRead(race, reference, limit)).toBeLessThanOrEqual(64);
    // One image in twenty more, evenly spread: on the limit all the way.
    const doubtful = reference.map((wrong, index) => (index % 16 === 0 ? 1 : wrong));
    expect(imagesRead(race, doubtful, errorOf(doubtful))).toBe(IMAGES);
  });
});

describe('smallestConfirmed', () => {
  const candidate = (compression: number, feasible: boolean, images = 64): RacedCandidate => ({
    compression,
    feasible,
    images,
  });

  it('takes the smallest that is still feasible on all images', async () => {
    const truth = new Map([
      [9, false],
      [7, true],
      [5, true],
    ]);
    const read: number[] = [];
    const best = await smallestConfirmed(
      [candidate(5, true), candidate(9, true), candidate(11, false), candidate(7, true)],
      IMAGES,
      ({ compression }) => {
        read.push(compression);
        return Promise.resolve(candidate(compression, truth.get(compression) === true, IMAGES));
      },
    );
    expect(best).toEqual(candidate(7, true, IMAGES));
    expect(read).toEqual([9, 7]);
  });

  it('does not read again what was read to the end', async () => {
    const best = await smallestConfirmed([candidate(3, true, IMAGES), candidate(2, true)], IMAGES, () =>
      Promise.reject(new Error('read again')),
    );
    expect(best).toEqual(candidate(3, true, IMAGES));
  });

  it('has none where no candidate is feasible', async () => {
    const none = await smallestConfirmed([candidate(3, false)], IMAGES, () => Promise.reject(new Error('read')));
    expect(none).toBeUndefined();
  });
});
