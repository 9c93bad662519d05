import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileError } from '../../../lib/errors.js';
import { BestWeights } from '../../../lib/tuner/best-weights.js';
import { type WeightSource, readParameters } from '../../../lib/tuner/checkpoint.js';

/** A session of one layer whose weights all have the value that `weight` has when they are read. */
function sessionOf(layer: { weight: number }): WeightSource {
  return {
    describeParameters: () => [{ name: 'fc.weight', node: 'fc', kind: 'weight', shape: [2, 3], prunable: true }],
    getTensors: () => Promise.resolve({ 'fc.weight': new Float32Array(6).fill(layer.weight) }),
  };
}

describe('the best weights', () => {
  let folder: string;
  let path: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'best-weights-'));
    path = join(folder, 'best.safetensors');
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are in their file once saved, as they were when taken', async () => {
    const layer = { weight: 1 };
    const best = new BestWeights(path);
    await best.take(sessionOf(layer));
    layer.weight = 2;
    expect(existsSync(path)).toBe(false);
    await best.save();
    const { shape, data } = (await readParameters(path)).get('fc.weight')!;
    expect(shape).toEqual([2, 3]);
    expect([...data]).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('take the place of those before', async () => {
    const layer = { weight: 1 };
    const best = new BestWeights(path);
    await best.take(sessionOf(layer));
    layer.weight = 3;
    await best.take(sessionOf(layer));
    await best.save();
    expect((await readParameters(path)).get('fc.weight')!.data[0]).toBe(3);
  });

  it('leave a file alone that is up to date, such as the one of the run that is resumed', async () => {
    const best = new BestWeights(path);
    await writeFile(path, 'of before');
    await best.save();
    await expect(readParameters(path)).rejects.toThrow();
    await best.take(sessionOf({ weight: 1 }));
    await best.save();
    await rm(path);
    await best.save();
    expect(existsSync(path)).toBe(false);
  });

  it('are kept where they cannot be written, and written when they can', async () => {
    const best = new BestWeights(join(folder, 'missing', 'best.safetensors'));
    await best.take(sessionOf({ weight: 1 }));
    await expect(best.save()).rejects.toThrow(FileError);
    await mkdir(join(folder, 'missing'));
    await best.save();
    expect(existsSync(join(folder, 'missing', 'best.safetensors'))).toBe(true);
  });
});
