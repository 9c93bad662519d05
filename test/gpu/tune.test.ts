/** A whole run on a CUDA device, and its model served there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadModel, type RawImage, tune } from '../../lib/index.js';
import { lacking, onGpu } from './devices.js';

describe.skipIf(lacking !== null)(`tune ${onGpu}`, () => {
  let root = '';
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), 'finepune-gpu-'));
    process.env.FINEPUNE_CACHE = join(root, 'cache');
  });
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('runs the demo, and its model gives the probabilities that it gives on the CPU', async () => {
    const run = tune({ out: join(root, 'run'), device: 'cuda', rounds: 2, evaluations: 8 });
    const { device, parameters, accuracy, model: file } = await run.result;
    expect(device).toBe('cuda:0');
    expect(parameters.compression).toBeGreaterThan(2);
    expect(accuracy.compressed).toBeGreaterThan(0.7);

    await using onDevice = await loadModel(file, { device: 'cuda:0' });
    await using onCpu = await loadModel(file, { device: 'cpu' });
    const { resize } = onCpu.spec.input;
    const data = Uint8Array.from({ length: resize * resize * 3 }, (_, index) => (index * 37) % 256);
    const image: RawImage = { data, width: resize, height: resize, channels: 3 };
    const [there, here] = await Promise.all([onDevice.classify(image), onCpu.classify(image)]);
    for (const { label, probability } of here) {
      expect(there.find((other) => other.label === label)?.probability).toBeCloseTo(probability, 3);
    }
  });
});
