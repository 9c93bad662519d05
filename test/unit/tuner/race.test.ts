import { describe, expect, it } from 'vitest';
import { Random } from '../../../lib/bayes/rng.js';
import { mistakesOf, packMistakes, unpackMistakes } from '../../../lib/tuner/mistakes.js';
import { Race } from '../../../lib/tuner/race.js';

const IMAGES = 400;
const LOOK = 32;

/** Mistakes at a rate. */
function draw(random: Random, rate: number): Uint8Array {
  return Uint8Array.from({ length: IMAGES }, () => Number(random.uniform() < rate));
}

/** Mistakes of a network that differs from another: breaks a share of what it had right, mends a share of what it had wrong. */
function changed(random: Random, mistakes: Uint8Array, broken: number, mended: number): Uint8Array {
  return mistakes.map((mistake) => Number(mistake === 1 ? random.uniform() >= mended : random.uniform() < broken));
}

function errorOf(mistakes: Uint8Array): number {
  return mistakes.reduce((sum, mistake) => sum + mistake, 0) / mistakes.length;
}

/** Images read before the race is decided. */
function imagesRead(race: Race, mistakes: Uint8Array, compression: number): number {
  let read = LOOK;
  while (read < IMAGES && !race.isDecided(mistakes.subarray(0, read), compression)) read += LOOK;
  return Math.min(read, IMAGES);
}

describe('Race', () => {
  it('gives the error itself once all images are read', () => {
    const random = new Random(1);
    const unpruned = draw(random, 0.2);
    const candidate = changed(random, unpruned, 0.1, 0.2);
    expect(new Race(unpruned, 0.3).estimate(candidate)).toEqual({ error: errorOf(candidate), deviation: 0 });
  });

  it('estimates the error on all images without bias, within its standard error', () => {
    const random = new Random(2);
    let bias = 0;
    let inside = 0;
    for (let trial = 0; trial < 500; trial++) {
      const unpruned = draw(random, 0.3);
      const candidate = changed(random, unpruned, 0.12, 0.15);
      const { error, deviation } = new Race(unpruned, 0.5).estimate(candidate.subarray(0, 128));
      const miss = error - errorOf(candidate);
      bias += miss / 500;
      if (Math.abs(miss) <= deviation) inside++;
    }
    expect(Math.abs(bias)).toBeLessThan(0.005);
    expect(inside / 500).toBeGreaterThan(0.6);
    expect(inside / 500).toBeLessThan(0.8);
  });

  it('knows a candidate better once one like it was read to the end', () => {
    const random = new Random(3);
    const unpruned = draw(random, 0.2);
    const pruned = changed(random, unpruned, 0.15, 0.1);
    const neighbour = changed(random, pruned, 0.02, 0.02);
    const race = new Race(unpruned, 0.3);
    const before = race.estimate(neighbour.subarray(0, 100));
    race.remember(pruned, 2);
    const after = race.estimate(neighbour.subarray(0, 100));
    expect(after.deviation).toBeLessThan(0.7 * before.deviation);
    expect(Math.abs(after.error - errorOf(neighbour))).toBeLessThan(2 * after.deviation);
  });

  it('gives up the hopeless early', () => {
    const random = new Random(4);
    const unpruned = draw(random, 0.1);
    const race = new Race(unpruned, errorOf(unpruned) + 0.05);
    expect(imagesRead(race, changed(random, unpruned, 0.6, 0), 9)).toBeLessThanOrEqual(2 * LOOK);
  });

  it('reads what would be the smallest network to the end, and only that', () => {
    const random = new Random(5);
    const unpruned = draw(random, 0.1);
    const race = new Race(unpruned, errorOf(unpruned) + 0.05);
    expect(imagesRead(race, unpruned, 2)).toBe(IMAGES);
    race.remember(unpruned, 2);
    expect(imagesRead(race, unpruned, 1.9)).toBeLessThanOrEqual(2 * LOOK);
    expect(imagesRead(race, unpruned, 2.01)).toBeLessThanOrEqual(2 * LOOK);
    expect(imagesRead(race, unpruned, 2.1)).toBe(IMAGES);
  });

  it('takes no network above the limit for one to beat', () => {
    const random = new Random(6);
    const unpruned = draw(random, 0.1);
    const race = new Race(unpruned, errorOf(unpruned) + 0.05);
    race.remember(changed(random, unpruned, 0.3, 0), 5);
    expect(imagesRead(race, unpruned, 2)).toBe(IMAGES);
  });

  it('does not read a candidate just above the limit to the end once it is known well', () => {
    const unpruned = new Uint8Array(IMAGES);
    const limit = 0.05;
    // One image in eighteen, evenly spread: 0.056 of them.
    const candidate = unpruned.map((_, index) => Number(index % 18 === 0));
    const read = imagesRead(new Race(unpruned, limit), candidate, 9);
    expect(read).toBeGreaterThan(LOOK);
    expect(read).toBeLessThan(IMAGES);
  });
});

describe('mistakes', () => {
  it('are the images whose prediction is not the label', () => {
    expect([...mistakesOf(Int32Array.of(3, 1, 2, 9), Int32Array.of(3, 2, 2))]).toEqual([0, 1, 0]);
  });

  it('come back from the text of the journal', () => {
    const random = new Random(7);
    for (const length of [1, 7, 8, 9, 400]) {
      const mistakes = draw(random, 0.3).subarray(0, length);
      expect([...unpackMistakes(packMistakes(mistakes), length)]).toEqual([...mistakes]);
    }
  });
});
