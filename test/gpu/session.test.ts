/** Sessions on a CUDA device beside ones on the CPU, through the addon. What the kernels compute is test/cpp's business. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OutOfMemoryError } from '../../lib/errors.js';
import { loadSpec, toGraph, toNormalization, withClasses } from '../../lib/models/index.js';
import { resolveDevice } from '../../lib/native/device.js';
import { Session } from '../../lib/native/session.js';
import {
  convolutional,
  freshSession,
  type Images,
  linear,
  noAugmentation,
  optionsOf,
  samplesOf,
  sliceOf,
  tensor,
  writeImages,
} from '../native/support.js';
import { lacking, onGpu } from './devices.js';

const RECORDS = 60;
const SURGERY = { gamma: 0, power: 1, firstStep: 0, stopStep: 1000 };
const THRESHOLDS = { thresholds: { 'conv.weight': 0.1, 'fc.weight': 0.05 }, lower: 0.9, upper: 1.1 };

describe.skipIf(lacking !== null)(`a session ${onGpu}`, () => {
  let images: Images;
  beforeAll(() => {
    images = writeImages(RECORDS, 14);
  });
  afterAll(() => images[Symbol.dispose]());

  it('is what auto and cuda mean', () => {
    expect(resolveDevice('auto')).toBe('cuda:0');
    expect(resolveDevice('cuda')).toBe('cuda:0');
    expect(() => resolveDevice('cuda:4096')).toThrow(/device cuda:4096 asked for/);
  });

  it('learns what one on the CPU learns, under masks that are refreshed in every step', async () => {
    const losses: number[][] = [];
    const weights: Float32Array[] = [];
    for (const device of ['cpu', 'cuda:0']) {
      await using session = await freshSession(convolutional, { device });
      const attached = await session.attachImages(images.file);
      await session.setThresholds(THRESHOLDS);
      const augmentation = { ...noAugmentation, kind: 'crop' as const, horizontalFlip: true };
      const slice = sliceOf(samplesOf(attached, RECORDS), 6, { augmentation, surgery: SURGERY, clipNorm: 1 });
      const trained = await session.train(slice);
      const { loss } = await session.evaluate({ samples: samplesOf(attached, RECORDS), batchSize: 32 });
      losses.push([trained.loss, loss]);
      weights.push(Float32Array.from(await tensor(session, 'shadow', 'conv.weight')));
      expect(trained).toMatchObject({ steps: 6, images: 48, refreshes: 12 });
    }
    for (const [index, loss] of losses[0].entries()) expect(losses[1][index]).toBeCloseTo(loss, 2);
    for (const [index, weight] of weights[0].entries()) expect(weights[1][index]).toBeCloseTo(weight, 3);
  });

  it.each(['fp32', 'tf32', 'bf16'] as const)('gives the same bits for the same seed in %s', async (precision) => {
    const runs: Float32Array[] = [];
    for (let run = 0; run < 2; run++) {
      await using session = await freshSession(convolutional, { device: 'cuda:0', precision });
      const samples = samplesOf(await session.attachImages(images.file), RECORDS);
      await session.setThresholds(THRESHOLDS);
      await session.train(sliceOf(samples, 20, { surgery: SURGERY, clipNorm: 1 }));
      runs.push(Float32Array.from(await tensor(session, 'shadow', 'conv.weight')));
    }
    expect(runs[1]).toEqual(runs[0]);
  });

  it.each(['tf32', 'bf16'] as const)('computes in %s nearly what it does in fp32', async (precision) => {
    const losses: number[] = [];
    for (const each of ['fp32', precision] as const) {
      await using session = await freshSession(convolutional, { device: 'cuda:0', precision: each });
      const samples = samplesOf(await session.attachImages(images.file), RECORDS);
      const learningRates = new Float64Array(5).fill(0.005);
      losses.push((await session.train(sliceOf(samples, 5, { learningRates }))).loss);
    }
    expect(losses[1]).not.toBe(losses[0]);
    expect(Math.abs(losses[1] - losses[0])).toBeLessThan(0.02);
  });

  it('shares the device with another session', async () => {
    await using first = await freshSession(linear, { device: 'cuda:0' });
    await using second = await freshSession(linear, { device: 'cuda:0', seed: 12 });
    using small = writeImages(RECORDS, 4);
    const results = await Promise.all(
      [first, second].map(async (session) => {
        const samples = samplesOf(await session.attachImages(small.file), RECORDS);
        return session.train(sliceOf(samples, 200));
      }),
    );
    for (const { steps, accuracy } of results) {
      expect(steps).toBe(200);
      expect(accuracy).toBeGreaterThan(0.5);
    }
  });

  it('says what was asked for where memory runs out, and goes on with less', async () => {
    const spec = withClasses(loadSpec('vgg16'), 3);
    using large = writeLarge(spec.input.resize);
    const options = { graph: toGraph(spec), normalization: toNormalization(spec), device: 'cuda:0' };
    await using session = await Session.create(optionsOf(options.graph, options));
    const names = session.describeParameters().map(({ name }) => name);
    await session.initializeParameters({ names, seed: 1 });
    const samples = samplesOf(await session.attachImages(large.file), 3);
    // Its first activations alone would take more than 800 GB.
    const tooMuch = session.train(sliceOf(samples, 1, { batchSize: 65_536 }));
    await expect(tooMuch).rejects.toThrow(OutOfMemoryError);
    await expect(tooMuch).rejects.toThrow(/batch size of 65536: .*use a batch size of 32768 or less/);
    expect((await session.train(sliceOf(samples, 1, { batchSize: 2 }))).steps).toBe(1);
  });
});

/** Three colour images: grey ones of three times the width. */
function writeLarge(side: number): Images {
  const images = writeImages(9, side);
  return { ...images, file: { ...images.file, records: 3, channels: 3 } };
}
