import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  type ImageCache,
  type PartName,
  type Samples,
  openImageCache,
  samplesOf,
  scanDataset,
} from '../../../lib/data/index.js';
import { RunError } from '../../../lib/errors.js';
import { writeSafetensors } from '../../../lib/models/index.js';
import { readCheckpointProgress } from '../../../lib/tuner/checkpoint.js';
import { type ImagesIdentity, digestsOf, identityOf } from '../../../lib/tuner/images-identity.js';
import { checkStanding, newStanding } from '../../../lib/tuner/standing.js';
import { addClass, plainPng, temporaryFolder } from '../data/fixtures.js';

let root = '';
let data = '';
beforeEach(async () => {
  root = await temporaryFolder();
  data = join(root, 'data');
});

/** The folder's images as they are now. */
async function images(size = 4): Promise<{ labels: string[]; parts: Record<PartName, Samples>; cache: ImageCache }> {
  const dataset = await scanDataset(data, { seed: 1 });
  const items = [...dataset.fit, ...dataset.tune, ...dataset.test];
  const cache = await openImageCache(items, { size, channels: 3, directory: join(root, 'cache') });
  const [fit, tune, test] = [dataset.fit, dataset.tune, dataset.test].map((part) => samplesOf(part, cache));
  return { labels: dataset.labels, parts: { fit, tune, test }, cache };
}

/** What a run on them would begin with. */
async function identity(size?: number): Promise<ImagesIdentity> {
  const { labels, parts, cache } = await images(size);
  return identityOf(labels, parts, cache);
}

/** What a run on them would leave in its model file. */
async function digests(): Promise<Record<PartName, string>> {
  const { parts, cache } = await images();
  return digestsOf(parts, cache);
}

/** Goes on with a run that began with these images and whose checkpoint is read again. */
function goOn(before: ImagesIdentity, now: ImagesIdentity): void {
  checkStanding(JSON.parse(JSON.stringify(newStanding(before, []))), now, 'state');
}

async function makeParts(): Promise<void> {
  for (const part of ['train', 'val', 'test']) {
    for (const name of ['ash', 'oak']) await addClass(data, join(part, name), 3);
  }
}

describe('a checkpoint', () => {
  it('goes on with the same images, also in another folder or decoded for another run in between', async () => {
    await makeParts();
    const before = await identity();
    await rename(data, join(root, 'moved'));
    data = join(root, 'moved');
    await identity(5);
    goOn(before, await identity());
  });

  it('does not go on where a file has another name, and with it another part', async () => {
    await addClass(data, 'ash', 10);
    await addClass(data, 'oak', 10);
    const before = await identity();
    await rename(join(data, 'oak', '0.png'), join(data, 'oak', 'z.png'));
    const now = await identity();
    expect(() => goOn(before, now)).toThrow(/the readable images to \w+, their classes or their order are not those/);
  });

  it.each([
    ['a class has another name', 'train/ash', 'train/elm', /the names of the classes/],
    ['an image was moved from test to fit', 'test/ash/0.png', 'train/ash/9.png', /the readable images to fit/],
    ['an image was moved to another class', 'test/ash/0.png', 'test/oak/9.png', /the readable images to test/],
    ['an image to tune was moved away', 'val/oak/2.png', 'gone.png', /the readable images to tune/],
  ])('does not go on where %s, and says so', async (_, from, to, words) => {
    await makeParts();
    const before = await identity();
    await rename(join(data, from), join(data, to));
    if (from === 'train/ash') {
      for (const part of ['val', 'test']) await rename(join(data, part, 'ash'), join(data, part, 'elm'));
    }
    const now = await identity();
    expect(() => goOn(before, now)).toThrow(RunError);
    expect(() => goOn(before, now)).toThrow(words);
  });

  it('does not go on where two images of different classes have changed places', async () => {
    await makeParts();
    const before = await identity();
    const [ash, oak] = ['ash', 'oak'].map((name) => join(data, 'train', name, '1.png'));
    await rename(ash, join(root, 'aside.png'));
    await rename(oak, ash);
    await rename(join(root, 'aside.png'), oak);
    const now = await identity();
    expect(() => goOn(before, now)).toThrow(/the readable images to fit/);
  });

  it('does not go on where an image has other contents, cannot be read, or is taken in another size', async () => {
    await makeParts();
    const before = await identity();
    const larger = await identity(5);
    expect(() => goOn(before, larger)).toThrow(/the size in which the network takes images/);
    const path = join(data, 'test', 'oak', '0.png');
    for (const bytes of [await plainPng(99_999), Buffer.from('text')]) {
      await writeFile(path, bytes);
      const now = await identity();
      expect(() => goOn(before, now)).toThrow(/the readable images to test/);
    }
  });

  it('of an older version is named, with the way out', async () => {
    const path = join(root, 'state.safetensors');
    await writeSafetensors(path, [], {
      'finepune.checkpoint': '1',
      progress: '{"stage":1,"step":2,"imagesKey":"key"}',
    });
    await expect(readCheckpointProgress(path)).rejects.toThrow(
      `${path} is not a checkpoint this version can read; start the run again in another folder`,
    );
  });

  it('of something else does not say where a run stood', async () => {
    await makeParts();
    const now = await identity();
    for (const value of [null, 7, {}, { stage: 1, step: 2 }, { stage: 1, step: 2, imagesKey: 'key' }]) {
      expect(() => checkStanding(value, now, 'state')).toThrow(/^state does not say where the run stood/);
    }
  });
});

describe('what a model file keeps of its images', () => {
  it('is the same where images are only renamed within their part, which a run does not go on with', async () => {
    await makeParts();
    const [before, kept] = [await identity(), await digests()];
    await rename(join(data, 'test', 'oak', '0.png'), join(data, 'test', 'oak', 'z.png'));
    expect(await digests()).toEqual(kept);
    const now = await identity();
    expect(() => goOn(before, now)).toThrow(/the readable images to test/);
  });

  it('differs where an image has another class or is in another part', async () => {
    await makeParts();
    const kept = await digests();
    await rename(join(data, 'test', 'ash', '0.png'), join(data, 'test', 'oak', '9.png'));
    const relabelled = await digests();
    expect(relabelled.test).not.toBe(kept.test);
    expect(relabelled).toMatchObject({ fit: kept.fit, tune: kept.tune });
    await rename(join(data, 'val', 'ash', '0.png'), join(data, 'train', 'ash', '9.png'));
    const moved = await digests();
    expect(moved.fit).not.toBe(kept.fit);
    expect(moved.tune).not.toBe(kept.tune);
  });
});
