/** Fresh weights get the scale that the images call for (Mishkin, Matas, ICLR 2016). */
import { describe, expect, it } from 'vitest';
import type { Graph } from '../../lib/native/addon.js';
import { freshSession, samplesOf, tensor, writeImages } from './support.js';

const RECORDS = 24;
const PIXELS = 16;

const twoLayers: Graph = {
  input: { channels: 1, height: 4, width: 4 },
  nodes: [
    { name: 'flat', op: 'Flatten', inputs: ['input'], attributes: { axis: 1 } },
    { name: 'hidden', op: 'Gemm', inputs: ['flat'], attributes: { out_features: 20, bias: 1 } },
    { name: 'relu', op: 'Relu', inputs: ['hidden'], attributes: {} },
    { name: 'fc', op: 'Gemm', inputs: ['relu'], attributes: { out_features: 3, bias: 1 } },
  ],
  output: 'fc',
  head: 'fc',
  classes: 3,
};

/** Standard deviation of the hidden outputs over all images, in float64; the session normalises by (v / 255 - 0.5) / 0.5. */
function hiddenDeviation(pixels: Uint8Array, weights: ArrayLike<number>): number {
  const outputs: number[] = [];
  for (let record = 0; record < RECORDS; record++) {
    for (let unit = 0; unit < weights.length / PIXELS; unit++) {
      let sum = 0;
      for (let pixel = 0; pixel < PIXELS; pixel++) {
        sum += ((pixels[record * PIXELS + pixel] / 255 - 0.5) / 0.5) * weights[unit * PIXELS + pixel];
      }
      outputs.push(sum);
    }
  }
  const mean = outputs.reduce((sum, value) => sum + value, 0) / outputs.length;
  const squares = outputs.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (outputs.length - 1));
}

describe('calibrateParameters', () => {
  it('scales a fresh layer to outputs of variance 1, shadow and parameter alike, and leaves the head', async () => {
    using images = writeImages(RECORDS, 4);
    await using session = await freshSession(twoLayers);
    const samples = samplesOf(await session.attachImages(images.file), RECORDS);
    const before = await tensor(session, 'parameter', 'hidden.weight');
    const head = await tensor(session, 'parameter', 'fc.weight');
    await session.calibrateParameters({ names: ['hidden.weight', 'fc.weight'], samples, batchSize: RECORDS });
    const after = await tensor(session, 'parameter', 'hidden.weight');
    const expected = Array.from(before, (value) => value / hiddenDeviation(images.pixels, before));
    expected.forEach((value, index) => expect(after[index]).toBeCloseTo(value, 4));
    expect(hiddenDeviation(images.pixels, after)).toBeCloseTo(1, 4);
    expect(await tensor(session, 'shadow', 'hidden.weight')).toEqual(after);
    expect(await tensor(session, 'parameter', 'fc.weight')).toEqual(head);
  });

  it('scales pruned weights with the others, by what the kept ones give', async () => {
    using images = writeImages(RECORDS, 4);
    await using session = await freshSession(twoLayers);
    const samples = samplesOf(await session.attachImages(images.file), RECORDS);
    await session.setThresholds({ thresholds: { 'hidden.weight': 0.2 }, lower: 1, upper: 1 });
    const before = await tensor(session, 'shadow', 'hidden.weight');
    const kept = await tensor(session, 'parameter', 'hidden.weight');
    const mask = await tensor(session, 'mask', 'hidden.weight');
    expect(mask).toContain(0);
    await session.calibrateParameters({ names: ['hidden.weight'], samples, batchSize: RECORDS });
    const deviation = hiddenDeviation(images.pixels, kept);
    const after = await tensor(session, 'shadow', 'hidden.weight');
    before.forEach((value, index) => expect(after[index]).toBeCloseTo(value / deviation, 4));
    expect(await tensor(session, 'mask', 'hidden.weight')).toEqual(mask);
    expect(hiddenDeviation(images.pixels, await tensor(session, 'parameter', 'hidden.weight'))).toBeCloseTo(1, 4);
  });

  it('is refused under a candidate, whose weights are not the ones to stay', async () => {
    using images = writeImages(RECORDS, 4);
    await using session = await freshSession(twoLayers);
    const samples = samplesOf(await session.attachImages(images.file), RECORDS);
    await session.setCandidate({ thresholds: { 'hidden.weight': 0.2 }, lower: 1, upper: 1 });
    const request = { names: ['hidden.weight'], samples, batchSize: RECORDS };
    await expect(session.calibrateParameters(request)).rejects.toThrow(/end it with setCandidate\(null\) first/);
    await session.setCandidate(null);
    await session.calibrateParameters(request);
  });

  it('leaves layers alone that are not named', async () => {
    using images = writeImages(RECORDS, 4);
    await using session = await freshSession(twoLayers);
    const samples = samplesOf(await session.attachImages(images.file), RECORDS);
    const before = await tensor(session, 'parameter', 'hidden.weight');
    await session.calibrateParameters({ names: ['fc.weight'], samples, batchSize: RECORDS });
    expect(await tensor(session, 'parameter', 'hidden.weight')).toEqual(before);
  });
});
