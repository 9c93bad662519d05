import { describe, expect, it } from 'vitest';
import { Random } from '../../../lib/bayes/rng.js';
import { ImageSample, type Prediction, predictionOf } from '../../../lib/tuner/sampling.js';

const IMAGES = 300;
const READ = 96;
const DRAWS = 500;

/** Chances of a mistake: most images are easy, some hard, some uncertain. */
function chancesLike(random: Random): Float64Array {
  return Float64Array.from({ length: IMAGES }, () => {
    const kind = random.uniform();
    if (kind < 0.6) return 0.03;
    return kind < 0.7 ? 0.95 : 0.2 + 0.6 * random.uniform();
  });
}

function mistakesAt(random: Random, chances: Float64Array): Uint8Array {
  return Uint8Array.from(chances, (chance) => Number(random.uniform() < chance));
}

/** A network of which nine images in ten fall as another's do. */
function neighbourOf(random: Random, mistakes: Uint8Array, chances: Float64Array): Uint8Array {
  const other = mistakesAt(random, chances);
  return mistakes.map((mistake, image) => (random.uniform() < 0.9 ? mistake : other[image]));
}

function firstOf(sample: ImageSample, mistakes: Uint8Array, images: number): Uint8Array {
  return Uint8Array.from(sample.order.subarray(0, images), (image) => mistakes[image]);
}

/** Over many orders: the mean of what is missed, its root mean square, the same in standard errors, and the mean standard error. */
function misses(chances: Float64Array, mistakes: Uint8Array, predictions: readonly Prediction[]) {
  const truth = predictionOf(mistakes).mean;
  let bias = 0;
  let squares = 0;
  let inDeviations = 0;
  let deviations = 0;
  for (let draw = 1; draw <= DRAWS; draw++) {
    const sample = new ImageSample(chances, new Random(draw));
    const { error, deviation } = sample.estimate(firstOf(sample, mistakes, READ), predictions);
    bias += (error - truth) / DRAWS;
    squares += (error - truth) ** 2 / DRAWS;
    inDeviations += ((error - truth) / deviation) ** 2 / DRAWS;
    deviations += deviation / DRAWS;
  }
  return { bias, miss: Math.sqrt(squares), inDeviations: Math.sqrt(inDeviations), deviation: deviations };
}

describe('ImageSample', () => {
  it('reads every image once, those first whose mistake is uncertain', () => {
    const chances = chancesLike(new Random(1));
    const { order } = new ImageSample(chances, new Random(2));
    expect([...order].sort((one, other) => one - other)).toEqual(Array.from({ length: IMAGES }, (_, image) => image));
    const uncertain = (images: Uint32Array): number =>
      images.filter((image) => chances[image] > 0.1 && chances[image] < 0.9).length;
    expect(uncertain(order.subarray(0, READ))).toBeGreaterThan(1.5 * (READ / IMAGES) * uncertain(order));
  });

  it('draws the same order from the same chances and seed, and another from another seed', () => {
    const chances = chancesLike(new Random(3));
    const order = (seed: number): Uint32Array => new ImageSample(chances, new Random(seed)).order;
    expect(order(4)).toEqual(order(4));
    expect(order(4)).not.toEqual(order(5));
  });

  it('gives the error itself once all images are read', () => {
    const random = new Random(6);
    const chances = chancesLike(random);
    const mistakes = mistakesAt(random, chances);
    const sample = new ImageSample(chances, random);
    const estimate = sample.estimate(firstOf(sample, mistakes, IMAGES), [predictionOf(chances)]);
    expect(estimate).toEqual({ error: predictionOf(mistakes).mean, deviation: 0 });
  });

  it('estimates without bias', () => {
    const random = new Random(7);
    const chances = chancesLike(random);
    const mistakes = mistakesAt(random, chances);
    const { bias, deviation } = misses(chances, mistakes, [predictionOf(chances)]);
    expect(Math.abs(bias)).toBeLessThan((4 * deviation) / Math.sqrt(DRAWS));
  });

  it('estimates without bias where the chances are wrong', () => {
    const random = new Random(8);
    const mistakes = mistakesAt(random, chancesLike(random));
    const { bias, deviation } = misses(chancesLike(random), mistakes, [predictionOf(new Float64Array(IMAGES))]);
    expect(Math.abs(bias)).toBeLessThan((8 * deviation) / Math.sqrt(DRAWS));
  });

  it('knows its standard error from the chances, and from a network that fails alike', () => {
    const random = new Random(9);
    let fromChances = 0;
    let fromNeighbour = 0;
    for (let network = 0; network < 10; network++) {
      const chances = chancesLike(random);
      const mistakes = mistakesAt(random, chances);
      const neighbour = neighbourOf(random, mistakes, chances);
      fromChances += misses(chances, mistakes, [predictionOf(chances)]).inDeviations / 10;
      fromNeighbour += misses(chances, mistakes, [predictionOf(chances), predictionOf(neighbour)]).inDeviations / 10;
    }
    expect(fromChances).toBeGreaterThan(0.85);
    expect(fromChances).toBeLessThan(1.15);
    expect(fromNeighbour).toBeGreaterThan(0.85);
    expect(fromNeighbour).toBeLessThan(1.15);
  }, 30_000);

  it('takes the prediction that leaves least to be estimated', () => {
    const random = new Random(10);
    const chances = chancesLike(random);
    const mistakes = mistakesAt(random, chances);
    const near = predictionOf(neighbourOf(random, mistakes, chances));
    const far = predictionOf(mistakes.map((mistake) => 1 - mistake));
    const sample = new ImageSample(chances, random);
    const first = firstOf(sample, mistakes, READ);
    const both = sample.estimate(first, [far, near]);
    expect(both).toEqual(sample.estimate(first, [near]));
    expect(both.deviation).toBeLessThan(0.5 * sample.estimate(first, [far]).deviation);
  });

  it('is not certain of a network whose first images all fall as predicted', () => {
    const random = new Random(11);
    const chances = chancesLike(random);
    const mistakes = mistakesAt(random, chances);
    const sample = new ImageSample(chances, random);
    const { deviation } = sample.estimate(firstOf(sample, mistakes, 32), [predictionOf(mistakes)]);
    expect(deviation).toBeGreaterThan(1 / IMAGES);
  });

  it('comes nearer to the truth than as many images by chance alone', () => {
    const random = new Random(12);
    let uncertainFirst = 0;
    let byChance = 0;
    for (let network = 0; network < 10; network++) {
      const chances = chancesLike(random);
      const prediction = predictionOf(chances);
      const mistakes = mistakesAt(random, chances);
      const even = new Float64Array(IMAGES).fill(prediction.mean);
      uncertainFirst += misses(chances, mistakes, [prediction]).miss / 10;
      byChance += misses(even, mistakes, [prediction]).miss / 10;
    }
    expect(uncertainFirst).toBeLessThan(0.9 * byChance);
  });
});
