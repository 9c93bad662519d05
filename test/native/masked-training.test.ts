/** Masked training with surgery (METHOD.md section 2) against a float64 reference on a linear classifier. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { TrainSlice } from '../../lib/native/addon.js';
import type { Session } from '../../lib/native/session.js';
import { freshSession, type Images, linear, convolutional, randomNumbers, samplesOf, sliceOf, tensor, writeImages } from './support.js';

const RECORDS = 12;
const INPUTS = 16;
const CLASSES = 3;
const always = { gamma: 0, power: 1, firstStep: 0, stopStep: 1_000_000 };

/** Softmax regression with the masked step, in float64. One batch is the whole data set, so its order does not matter. */
class Reference {
  momentum = new Float64Array(CLASSES * INPUTS);
  biasMomentum = new Float64Array(CLASSES);
  constructor(
    readonly x: number[][],
    readonly labels: Int32Array,
    readonly weight: Float64Array,
    readonly bias: Float64Array,
    readonly mask: Uint8Array,
  ) {}

  step(slice: Pick<TrainSlice, 'momentum' | 'weightDecay' | 'labelSmoothing'>, rate: number, thresholds: { a: number; b: number } | null, frozen: boolean) {
    const gradient = new Float64Array(this.weight.length);
    const biasGradient = new Float64Array(CLASSES);
    this.x.forEach((row, n) => {
      const logits = Array.from({ length: CLASSES }, (_, c) =>
        row.reduce((sum, value, i) => sum + value * this.weight[c * INPUTS + i] * this.mask[c * INPUTS + i], this.bias[c]),
      );
      const largest = Math.max(...logits);
      const total = logits.reduce((sum, value) => sum + Math.exp(value - largest), 0);
      logits.forEach((value, c) => {
        const target = (this.labels[n] === c ? 1 - slice.labelSmoothing : 0) + slice.labelSmoothing / CLASSES;
        const error = (Math.exp(value - largest) / total - target) / this.x.length;
        biasGradient[c] += error;
        row.forEach((input, i) => (gradient[c * INPUTS + i] += error * input));
      });
    });
    for (let i = 0; i < this.weight.length; i++) {
      if (this.mask[i] === 0 && frozen) {
        this.momentum[i] = 0;
        continue;
      }
      this.momentum[i] = slice.momentum * this.momentum[i] + gradient[i] + slice.weightDecay * this.weight[i] * this.mask[i];
      this.weight[i] -= rate * this.momentum[i];
      if (thresholds === null) continue;
      if (Math.abs(this.weight[i]) < thresholds.a) this.mask[i] = 0;
      if (Math.abs(this.weight[i]) >= thresholds.b) this.mask[i] = 1;
    }
    for (let c = 0; c < CLASSES; c++) {
      this.biasMomentum[c] = slice.momentum * this.biasMomentum[c] + biasGradient[c] + slice.weightDecay * this.bias[c];
      this.bias[c] -= rate * this.biasMomentum[c];
    }
  }
}

function inputsOf(images: Images): number[][] {
  return Array.from({ length: RECORDS }, (_, n) =>
    Array.from(images.pixels.subarray(n * INPUTS, (n + 1) * INPUTS), (value) => (value / 255 - 0.5) / 0.5),
  );
}

function largestDifference(left: ArrayLike<number>, right: ArrayLike<number>): number {
  return Array.from(left).reduce((largest, value, i) => Math.max(largest, Math.abs(value - right[i])), 0);
}

describe('masked training', () => {
  let images: Images;
  let session: Session;
  let attached: number;
  const weights = Float32Array.from({ length: CLASSES * INPUTS }, ((random) => () => (random() - 0.5) * 0.8)(randomNumbers(7)));

  beforeEach(async () => {
    images = writeImages(RECORDS, 4);
    session = await freshSession(linear);
    attached = await session.attachImages(images.file);
    await session.setTensors({ role: 'parameter', tensors: { 'fc.weight': weights } });
  });
  afterEach(async () => {
    await session.dispose();
    images[Symbol.dispose]();
  });

  it.each([
    { name: 'surgery at every step', surgery: always },
    { name: 'frozen masks', surgery: null },
  ])('follows the float64 reference over 60 steps with $name', async ({ surgery }) => {
    const threshold = 0.2;
    await session.setThresholds({ thresholds: { 'fc.weight': threshold }, lower: 0.9, upper: 1.1 });
    const reference = new Reference(
      inputsOf(images),
      samplesOf(0, RECORDS).labels,
      Float64Array.from(weights),
      new Float64Array(CLASSES),
      Uint8Array.from(weights, (weight) => (Math.abs(weight) < 0.9 * threshold ? 0 : 1)),
    );
    for (let step = 0; step < 60; step++) {
      const rate = 0.1 / (1 + step / 20);
      const slice = sliceOf(samplesOf(attached, RECORDS), 1, {
        firstStep: step,
        learningRates: Float64Array.of(rate),
        batchSize: RECORDS,
        weightDecay: 0.01,
        labelSmoothing: 0.1,
        surgery,
      });
      await session.train(slice);
      reference.step(slice, rate, surgery === null ? null : { a: 0.9 * threshold, b: 1.1 * threshold }, surgery === null);
    }
    const mask = await tensor(session, 'mask', 'fc.weight');
    const shadow = await tensor(session, 'shadow', 'fc.weight');
    expect(Array.from(mask)).toEqual(Array.from(reference.mask));
    expect(largestDifference(shadow, reference.weight)).toBeLessThan(2e-5);
    expect(largestDifference(await tensor(session, 'momentum', 'fc.weight'), reference.momentum)).toBeLessThan(2e-5);
    expect(largestDifference(await tensor(session, 'parameter', 'fc.bias'), reference.bias)).toBeLessThan(2e-5);
    expect(Array.from(await tensor(session, 'parameter', 'fc.weight'))).toEqual(Array.from(shadow, (w, i) => (mask[i] === 1 ? w : 0)));
    expect(session.countKept()).toEqual([
      { name: 'fc.weight', count: 48, kept: Array.from(mask).reduce((sum, value) => sum + value, 0) },
    ]);
    // The test means something: masks moved, or had something to hide.
    expect(mask).toContain(0);
  });

  it('lets a pruned weight come back once its gradients have made it large enough', async () => {
    // Pixel 0 speaks for class 0, but its weight starts pruned.
    const start = Float32Array.from(weights);
    start[0] = 0.01;
    await session.setTensors({ role: 'parameter', tensors: { 'fc.weight': start } });
    await session.setThresholds({ thresholds: { 'fc.weight': 0.1 }, lower: 0.9, upper: 1.1 });
    expect((await tensor(session, 'mask', 'fc.weight'))[0]).toBe(0);
    await session.train(sliceOf(samplesOf(attached, RECORDS), 40, { batchSize: RECORDS, surgery: always }));
    expect((await tensor(session, 'mask', 'fc.weight'))[0]).toBe(1);
    expect((await tensor(session, 'parameter', 'fc.weight'))[0]).toBeGreaterThan(0.1);
  });

  it('never moves a pruned weight while masks are frozen, whatever momentum and weight decay', async () => {
    await session.setThresholds({ thresholds: { 'fc.weight': 0.2 }, lower: 0.9, upper: 1.1 });
    await session.setTensors({ role: 'momentum', tensors: { 'fc.weight': new Float32Array(48).fill(0.5) } });
    const mask = await tensor(session, 'mask', 'fc.weight');
    await session.train(sliceOf(samplesOf(attached, RECORDS), 20, { weightDecay: 0.3 }));
    const shadow = await tensor(session, 'shadow', 'fc.weight');
    const momentum = await tensor(session, 'momentum', 'fc.weight');
    expect(await tensor(session, 'mask', 'fc.weight')).toEqual(mask);
    for (let i = 0; i < 48; i++) {
      if (mask[i] === 1) continue;
      expect(shadow[i]).toBe(weights[i]);
      expect(momentum[i]).toBe(0);
    }
  });

  it('decays kept weights only, also while surgery runs', async () => {
    // A pixel of value 0.5 after scaling is 0 after normalisation: its weights get no gradient, only decay.
    await session.dispose();
    session = await freshSession(linear, {
      normalization: { channelOrder: 'GRAY', scale: 1, mean: [128], std: [64] },
    });
    images[Symbol.dispose]();
    images = writeImages(RECORDS, 4);
    for (let n = 0; n < RECORDS; n++) images.pixels[n * INPUTS] = images.pixels[n * INPUTS + 1] = 128;
    const { writeFileSync } = await import('node:fs');
    writeFileSync(images.file.path, images.pixels);
    attached = await session.attachImages(images.file);
    const start = Float32Array.from(weights);
    start[0] = 0.05;
    start[1] = 0.6;
    await session.setTensors({ role: 'parameter', tensors: { 'fc.weight': start } });
    await session.setThresholds({ thresholds: { 'fc.weight': 0.2 }, lower: 0.9, upper: 1.1 });
    await session.train(sliceOf(samplesOf(attached, RECORDS), 5, { weightDecay: 0.1, surgery: always }));
    const shadow = await tensor(session, 'shadow', 'fc.weight');
    expect(shadow[0]).toBe(start[0]);
    expect(shadow[1]).toBeLessThan(start[1]);
    expect(shadow[1]).toBeGreaterThan(0.5);
  });

  it('refreshes with the schedule: every step at gamma 0, never from stopStep on, less often as gamma grows', async () => {
    await session.setThresholds({ thresholds: { 'fc.weight': 0.2 }, lower: 0.9, upper: 1.1 });
    const refreshes = async (surgery: TrainSlice['surgery'], firstStep = 0) =>
      (await session.train(sliceOf(samplesOf(attached, RECORDS), 40, { surgery, firstStep }))).refreshes;
    expect(await refreshes(always)).toBe(40);
    expect(await refreshes({ ...always, stopStep: 10 })).toBe(10);
    expect(await refreshes({ ...always, firstStep: 30 })).toBe(10);
    expect(await refreshes(null)).toBe(0);
    // Expected: the sum of 1 / (1 + i) for i < 40, about 4.3.
    const few = await refreshes({ ...always, gamma: 1 });
    expect(few).toBeGreaterThanOrEqual(1);
    expect(few).toBeLessThan(12);
  });

  it('puts a candidate into the parameters only, and takes it out again', async () => {
    await session.setThresholds({ thresholds: { 'fc.weight': 0.1 }, lower: 0.9, upper: 1.1 });
    const before = {
      parameter: await tensor(session, 'parameter', 'fc.weight'),
      mask: await tensor(session, 'mask', 'fc.weight'),
      counts: session.countKept(),
    };
    const counts = await session.setCandidate({ thresholds: { 'fc.weight': 0.3 }, lower: 0.9, upper: 1.1 });
    const expected = Array.from(weights, (w, i) => {
      const size = Math.abs(w);
      return size >= Math.fround(0.3 * 1.1) || (size >= Math.fround(0.3 * 0.9) && before.mask[i] === 1) ? w : 0;
    });
    expect(Array.from(await tensor(session, 'parameter', 'fc.weight'))).toEqual(expected);
    expect(counts[0]?.kept).toBe(expected.filter((w) => w !== 0).length);
    expect(await tensor(session, 'mask', 'fc.weight')).toEqual(before.mask);
    await expect(session.train(sliceOf(samplesOf(attached, RECORDS), 1))).rejects.toMatchObject({ code: 'E_USAGE' });
    expect(await session.setCandidate(null)).toEqual(before.counts);
    expect(await tensor(session, 'parameter', 'fc.weight')).toEqual(before.parameter);
    expect(await tensor(session, 'shadow', 'fc.weight')).toEqual(weights);
  });

  it('counts magnitudes by mask, so that a threshold can be placed', async () => {
    await session.setThresholds({ thresholds: { 'fc.weight': 0.2 }, lower: 1, upper: 1 });
    const histogram = (await session.magnitudeHistograms())['fc.weight'];
    const sum = (counts: Uint32Array) => counts.reduce((total, count) => total + count, 0);
    expect(histogram.kept.length).toBe(32768);
    expect(sum(histogram.kept)).toBe(session.countKept()[0].kept);
    expect(sum(histogram.pruned)).toBe(48 - session.countKept()[0].kept);
    const bin = (value: number) => new Uint32Array(Float32Array.of(value).buffer)[0] >>> 16;
    expect(sum(histogram.pruned.subarray(bin(0.2) + 1))).toBe(0);
    expect(sum(histogram.kept.subarray(bin(0.25)))).toBe(weights.filter((w) => Math.abs(w) >= 0.25).length);
  });

  it('scales the gradient to clipNorm, and freezes nodes of factor 0', async () => {
    const start = { weight: await tensor(session, 'parameter', 'fc.weight'), bias: await tensor(session, 'parameter', 'fc.bias') };
    const slice = sliceOf(samplesOf(attached, RECORDS), 1, { learningRates: Float64Array.of(1), clipNorm: 0.01 });
    await session.train({ ...slice, learningRateFactors: { fc: 0 } });
    expect(await tensor(session, 'parameter', 'fc.weight')).toEqual(start.weight);
    await session.train(slice);
    const moved = [
      ...(await tensor(session, 'parameter', 'fc.weight')).map((w, i) => w - start.weight[i]),
      ...(await tensor(session, 'parameter', 'fc.bias')).map((b, i) => b - start.bias[i]),
    ];
    expect(Math.hypot(...moved)).toBeCloseTo(0.01, 5);
    await expect(session.train({ ...slice, learningRateFactors: { nowhere: 1 } })).rejects.toThrow(/expected a node/);
  });
});

it('gives BatchNorm statistics of before the first candidate back', async () => {
  using images = writeImages(24, 12);
  await using session = await freshSession(convolutional);
  const attached = await session.attachImages(images.file);
  const samples = samplesOf(attached, 24);
  await session.train(sliceOf(samples, 10));
  const before = await tensor(session, 'parameter', 'norm.running_mean');
  for (const threshold of [0.2, 0.5]) {
    await session.setCandidate({ thresholds: { 'conv.weight': threshold }, lower: 0.9, upper: 1.1 });
    await session.refreshBatchNorm({ samples, batchSize: 8, batches: 3, step: 10 });
    expect(await tensor(session, 'parameter', 'norm.running_mean')).not.toEqual(before);
  }
  await session.setCandidate(null);
  expect(await tensor(session, 'parameter', 'norm.running_mean')).toEqual(before);
});
