import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ImageError } from '../../../lib/errors.js';
import { parameterShapes, writeSafetensors } from '../../../lib/models/index.js';
import type { DataEvent } from '../../../lib/run/types.js';
import { dataEvent, readInputs } from '../../../lib/tuner/inputs.js';
import { addClass, rejection, temporaryFolder } from '../data/fixtures.js';
import { smallSpec } from '../models/support.js';

/** A data set in parts with a network that fits it, and how to read them. */
async function smallInputs(): Promise<{ data: string; read: (strict?: boolean) => Promise<DataEvent> }> {
  const root = await temporaryFolder();
  vi.stubEnv('FINEPUNE_CACHE', join(root, 'cache'));
  onTestFinished(() => void vi.unstubAllEnvs());
  const spec = smallSpec();
  const model = join(root, 'small.json');
  writeFileSync(model, JSON.stringify(spec));
  const weights = join(root, 'small.safetensors');
  const tensors = parameterShapes(spec).map(({ name, shape }) => {
    const length = shape.reduce((product, extent) => product * extent, 1);
    return { name, dtype: 'F32' as const, shape, data: new Float32Array(length) };
  });
  await writeSafetensors(weights, tensors);
  const data = join(root, 'data');
  for (const part of ['train', 'val', 'test']) {
    for (const label of ['a', 'b', 'c']) await addClass(data, join(part, label), 2);
  }
  const request = { data, model, weights, split: null, seed: 1, partial: false, threads: 1 };
  const read = async (strict = false) =>
    dataEvent((await readInputs({ ...request, strict }, () => {}, undefined)).images);
  return { data, read };
}

it('the data event counts images to test that are also among those to fit, and is null without any', async () => {
  const { data, read } = await smallInputs();
  expect((await read()).repeated).toBeNull();

  const [fitted, copy] = [join(data, 'train/b/1.png'), join(data, 'test/b/copy.png')];
  copyFileSync(fitted, copy);
  expect(await read()).toMatchObject({
    test: 7,
    repeated: { tune: 0, test: 1, example: { path: copy, inFit: fitted } },
  });
});

it('the data event counts images of formats that are not read, and strict refuses them before anything is decoded', async () => {
  const { data, read } = await smallInputs();
  expect((await read(true)).ignored).toBeNull();
  for (const name of ['1.gif', '2.gif', '3.HEIC', 'notes.txt']) writeFileSync(join(data, 'train/a', name), '');
  expect((await read()).ignored).toEqual({ '.gif': 2, '.heic': 1 });
  const error = await rejection(read(true));
  expect(error).toBeInstanceOf(ImageError);
  expect(error.message).toBe(
    `${data}: images of formats that are not read (2 .gif, 1 .heic); convert them to .jpg, .png, .tif, .webp or .bmp, or remove them`,
  );
});
