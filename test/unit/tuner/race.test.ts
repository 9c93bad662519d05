import { describe, expect, it } from 'vitest';
import { Random } from '../../../lib/bayes/rng.js';
import { mistakesOf, packMistakes, unpackMistakes } from '../../../lib/tuner/mistakes.js';
import { type Entrant, Race } from '../../../lib/tuner/race.js';

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

/** Mistakes in the order in which an entrant reads the images. */
function read(entrant: Entrant, mistakes: Uint8Array, images: number): Uint8Array {
  return Uint8Array.from(entrant.order.subarray(0, images), (image) => mistakes[image]);
}

/** Images read before the race is decided. */
function imagesRead(race: Race, mistakes: Uint8Array, compression: number): number {
  const entrant = race.enter(compression);
  let images = LOOK;
  while (images < IMAGES && !entrant.isDecided(read(entrant, mistakes, images))) images += LOOK;
  return Math.min(images, IMAGES);
}

describe('Race', () => {
  it('gives the error itself once all images are read', () => {
    const random = new Random(1);
    const unpruned = draw(random, 0.2);
    const candidate = changed(random, unpruned, 0.1, 0.2);
    const entrant = new Race(unpruned, 0.3).enter(2);
    const estimate = entrant.estimate(read(entrant, candidate, IMAGES));
    expect(estimate).toEqual({ error: errorOf(candidate), deviation: 0 });
  });

  it('estimates the error on all images without bias, within its standard error', () => {
    const random = new Random(2);
    let bias = 0;
    let inside = 0;
    for (let trial = 0; trial < 500; trial++) {
      const unpruned = draw(random, 0.3);
      const candidate = changed(random, unpruned, 0.12, 0.15);
      const entrant = new Race(unpruned, 0.5).enter(2);
      const { error, deviation } = entrant.estimate(read(entrant, candidate, 128));
      const miss = error - errorOf(candidate);
      bias += miss / 500;
      if (Math.abs(miss) <= deviation) inside++;
    }
    expect(Math.abs(bias)).toBeLessThan(0.005);
    expect(inside / 500).toBeGreaterThan(0.6);
    expect(inside / 500).toBeLessThan(0.8);
  });

  it('has every candidate read the images in an order of its own', () => {
    const random = new Random(8);
    const unpruned = draw(random, 0.2);
    const candidate = changed(random, unpruned, 0.15, 0.1);
    const race = new Race(unpruned, 0.3);
    const orders: string[] = [];
    let bias = 0;
    for (let trial = 0; trial < 200; trial++) {
      const entrant = race.enter(2);
      expect([...entrant.order].sort((a, b) => a - b)).toEqual(Array.from({ length: IMAGES }, (_, image) => image));
      orders.push(entrant.order.join());
      bias += (entrant.estimate(read(entrant, candidate, 64)).error - errorOf(candidate)) / 200;
      race.settle(null, 2);
    }
    expect(new Set(orders).size).toBe(200);
    // In one order for all the same miss would be found 200 times, 0.05 as a rule.
    expect(Math.abs(bias)).toBeLessThan(0.01);
  });

  it('has a run that goes on from its journal read in the orders of the run that was cut off', () => {
    const random = new Random(9);
    const unpruned = draw(random, 0.2);
    const pruned = changed(random, unpruned, 0.15, 0.1);
    const race = new Race(unpruned, 0.3);
    const resumed = new Race(unpruned, 0.3);
    for (const mistakes of [null, pruned, null]) {
      race.enter(2);
      race.settle(mistakes, 2);
      resumed.settle(mistakes, 2);
    }
    expect(resumed.enter(3).order).toEqual(race.enter(3).order);
  });

  it('reads first what the references disagree on', () => {
    const random = new Random(13);
    const unpruned = draw(random, 0.2);
    const pruned = changed(random, unpruned, 0.2, 0.2);
    const race = new Race(unpruned, 0.5);
    race.settle(pruned, 2);
    const disputed = unpruned.map((mistake, image) => Number(mistake !== pruned[image]));
    const first = read(race.enter(3), disputed, IMAGES / 4);
    expect(errorOf(first)).toBeGreaterThan(1.2 * errorOf(disputed));
  });

  it('reads where nothing may fail and nothing did', () => {
    const race = new Race(new Uint8Array(IMAGES), 0);
    const entrant = race.enter(2);
    const { error, deviation } = entrant.estimate(new Uint8Array(LOOK));
    expect(error).toBeLessThan(0.01);
    expect(deviation).toBeGreaterThan(0);
    expect(entrant.isDecided(new Uint8Array(LOOK).fill(1))).toBe(true);
  });

  it('knows a candidate better once one like it was read to the end', () => {
    const random = new Random(3);
    const unpruned = draw(random, 0.2);
    const pruned = changed(random, unpruned, 0.15, 0.1);
    const neighbour = changed(random, pruned, 0.02, 0.02);
    const race = new Race(unpruned, 0.3);
    const first = race.enter(2);
    const before = first.estimate(read(first, neighbour, 100));
    race.settle(pruned, 2);
    const second = race.enter(2);
    const after = second.estimate(read(second, neighbour, 100));
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
    race.settle(unpruned, 2);
    expect(imagesRead(race, unpruned, 1.9)).toBeLessThanOrEqual(2 * LOOK);
    expect(imagesRead(race, unpruned, 2.005)).toBeLessThanOrEqual(2 * LOOK);
    expect(imagesRead(race, unpruned, 2.1)).toBe(IMAGES);
  });

  it('takes no network above the limit for one to beat', () => {
    const random = new Random(6);
    const unpruned = draw(random, 0.1);
    const race = new Race(unpruned, errorOf(unpruned) + 0.05);
    race.settle(changed(random, unpruned, 0.3, 0), 5);
    expect(imagesRead(race, unpruned, 2)).toBe(IMAGES);
  });

  it('reads a candidate about the limit further the more there is to gain', () => {
    const unpruned = new Uint8Array(IMAGES);
    const limit = 0.05;
    // One image in eighteen, evenly spread: 0.056 of them.
    const candidate = unpruned.map((_, index) => Number(index % 18 === 0));
    const race = new Race(unpruned, limit);
    race.settle(unpruned, 2);
    const little = imagesRead(race, candidate, 2.01);
    const much = imagesRead(race, candidate, 4);
    expect(little).toBeLessThan(IMAGES / 2);
    expect(much).toBeGreaterThan(IMAGES / 2);
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
