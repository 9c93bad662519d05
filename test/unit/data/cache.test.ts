import { rmSync, writeFileSync } from 'node:fs';
import { readdir, readFile, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  cacheReport,
  decodeImage,
  imageCacheDirectory,
  openImageCache,
  samplesOf,
  type ImageCache,
  type Item,
} from '../../../lib/data/index.js';
import { evictOldCaches, keepInUse } from '../../../lib/data/cache-size.js';
import { AbortedError, DataError, FileError, ImageError, UsageError } from '../../../lib/errors.js';
import { addImage, plainPng, rejection, temporaryFolder } from './fixtures.js';

const SIZE = 6;
let root: string;
let directory: string;
let items: Item[];

beforeEach(async () => {
  root = await temporaryFolder();
  directory = join(root, 'cache');
  items = [];
  for (let i = 0; i < 6; i++) items.push({ path: await addImage(root, 'images', `${i}.png`), label: i % 2 });
});

const openCache = (options: Partial<Parameters<typeof openImageCache>[1]> = {}, of = items) =>
  openImageCache(of, { size: SIZE, channels: 3, directory, ...options });

async function record(cache: ImageCache, path: string): Promise<Buffer> {
  const { file } = cache;
  const bytes = file.height * file.width * file.channels;
  const start = file.offset + cache.recordOf.get(path)! * bytes;
  return (await readFile(file.path)).subarray(start, start + bytes);
}

async function spoil(bytes: Buffer, name = 'bad.jpg', label = 0): Promise<Item> {
  const path = join(root, 'images', name);
  await writeFile(path, bytes);
  return { path, label };
}

describe('the cache of decoded images', () => {
  it('holds every image as decodeImage gives it, behind a page-sized header', async () => {
    const cache = await openCache();
    expect(cache.file).toMatchObject({ offset: 4096, records: 6, height: SIZE, width: SIZE, channels: 3 });
    expect(cache.reused).toBe(false);
    for (const { path } of items) {
      expect([...(await record(cache, path))]).toEqual([...(await decodeImage(path, { size: SIZE, channels: 3 }))]);
    }
  });

  it('gives files of equal content one record', async () => {
    const copy = await spoil(await readFile(items[0].path), 'copy.png');
    const cache = await openCache({}, [...items, copy]);
    expect(cache.file.records).toBe(6);
    expect(cache.recordOf.get(copy.path)).toBe(cache.recordOf.get(items[0].path));
  });

  it('is reused for the same contents under other names, and progress still ends at the total', async () => {
    const first = await openCache();
    const before = await readFile(first.file.path);
    const moved = items.map((item) => ({ ...item, path: item.path.replace('.png', '-moved.png') }));
    for (const [i, item] of items.entries()) await rename(item.path, moved[i].path);
    const onProgress = vi.fn();
    const second = await openCache({ onProgress }, moved.reverse());
    expect(second.reused).toBe(true);
    expect(second.file).toEqual(first.file);
    expect(await readFile(second.file.path)).toEqual(before);
    expect(onProgress.mock.calls).toEqual([[{ done: 6, total: 6 }]]);
  });

  it('is another file for another geometry or a changed image', async () => {
    const paths = new Set([(await openCache()).file.path, (await openCache({ size: 5 })).file.path]);
    paths.add((await openCache({ channels: 1 })).file.path);
    await writeFile(items[0].path, await plainPng(77777));
    const changed = await openCache();
    paths.add(changed.file.path);
    expect(paths.size).toBe(4);
    expect([...(await record(changed, items[0].path))]).toEqual([
      ...(await decodeImage(items[0].path, { size: SIZE, channels: 3 })),
    ]);
  });

  it.each<[string, (path: string) => Promise<void>]>([
    ['cut off', (path) => truncate(path, 4096 + 50)],
    ['empty', (path) => truncate(path, 0)],
    ['without its header', async (path) => writeFile(path, (await readFile(path)).fill(0, 0, 4096))],
    ['with a header of nonsense', async (path) => writeFile(path, (await readFile(path)).fill(0xff, 8, 400))],
    ['with another key', async (path) => writeFile(path, flip(await readFile(path), '"key":"'))],
    ['with a damaged list at its end', async (path) => writeFile(path, flip(await readFile(path), '[{"record"'))],
  ])('is built again when it is %s', async (_, damage) => {
    const bad = await spoil(Buffer.from('text'));
    const all = [...items, bad];
    const { file } = await openCache({}, all);
    const whole = await readFile(file.path);
    await damage(file.path);
    const again = await openCache({}, all);
    expect(again.reused).toBe(false);
    expect(await readFile(file.path)).toEqual(whole);
    expect(again.skipped).toHaveLength(1);
  });

  it('counts every image decoded in its progress, from none', async () => {
    const onProgress = vi.fn();
    await openCache({ onProgress, concurrency: 3 });
    expect(onProgress.mock.calls).toEqual([0, 1, 2, 3, 4, 5, 6].map((done) => [{ done, total: 6 }]));
  });

  it('counts files in its progress, so that it ends at their number where some are equal or cannot be read', async () => {
    const copies = [
      await spoil(await readFile(items[0].path), 'x.png'),
      await spoil(await readFile(items[0].path), 'y.png'),
    ];
    const all = [...items, ...copies, await spoil(Buffer.from('text')), { path: join(root, 'gone.png'), label: 0 }];
    for (const reused of [false, true]) {
      const onProgress = vi.fn<(progress: { done: number; total: number }) => void>();
      expect((await openCache({ onProgress }, all)).reused).toBe(reused);
      expect(onProgress.mock.calls.at(-1)).toEqual([{ done: 10, total: 10 }]);
      expect(onProgress.mock.calls.every(([{ done, total }]) => done <= 10 && total === 10)).toBe(true);
    }
  });

  it('can be built by two callers at once, with one file as the outcome', async () => {
    const [a, b] = await Promise.all([openCache(), openCache()]);
    expect(a.file).toEqual(b.file);
    expect(await readdir(directory)).toHaveLength(1);
    for (const { path } of items) {
      expect([...(await record(a, path))]).toEqual([...(await decodeImage(path, { size: SIZE, channels: 3 }))]);
    }
  });

  it('stops on the signal and leaves nothing behind where nothing is decoded', async () => {
    const controller = new AbortController();
    const onProgress = () => controller.abort();
    const error = await rejection(openCache({ signal: controller.signal, onProgress, concurrency: 1 }));
    expect(error).toBeInstanceOf(AbortedError);
    expect(await readdir(directory)).toEqual([]);
  });

  it('says so where it cannot be written', async () => {
    await writeFile(join(root, 'file'), '');
    const error = await rejection(openCache({ directory: join(root, 'file', 'cache') }));
    expect(error).toBeInstanceOf(FileError);
    expect(error.message).toContain('FINEPUNE_CACHE');
  });
});

function flip(bytes: Buffer, at: string): Buffer {
  const index = bytes.indexOf(at) + at.length;
  expect(bytes.indexOf(at)).toBeGreaterThan(0);
  bytes[index] = bytes[index] ^ 1;
  return bytes;
}

describe('images that cannot be read', () => {
  it('are skipped and listed by path, also when the cache is reused', async () => {
    const jpeg = await sharp({
      create: {
        width: 64,
        height: 64,
        channels: 3,
        background: '#fa0',
        noise: { type: 'gaussian', mean: 128, sigma: 30 },
      },
    })
      .jpeg()
      .toBuffer();
    const cut = await spoil(jpeg.subarray(0, jpeg.length / 2), 'cut.jpg');
    const text = await spoil(Buffer.from('text'), 'text.jpg');
    const gone = { path: join(root, 'images', 'gone.png'), label: 0 };
    const all = [...items, cut, text, gone];
    for (const reused of [false, true]) {
      const cache = await openCache({}, all);
      expect(cache.reused).toBe(reused);
      expect(cache.skipped.map((image) => image.path)).toEqual([cut.path, gone.path, text.path]);
      for (const { reason } of cache.skipped) expect(reason).not.toMatch(/\n|^$/);
      expect(samplesOf(all, cache).paths).toEqual(items.map((item) => item.path));
    }
  });

  it('are fatal with strict, also when the cache without it is there', async () => {
    const text = await spoil(Buffer.from('text'));
    for (let time = 0; time < 2; time++) {
      const error = await rejection(openCache({ strict: true }, [...items, text]));
      expect(error).toBeInstanceOf(ImageError);
      expect(error.message).toContain(text.path);
      await openCache({}, [...items, text]);
    }
    expect((await readdir(directory)).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  it('are an error where a class of a part has no other', async () => {
    const text = await spoil(Buffer.from('text'), 'bad.jpg', 7);
    const cache = await openCache({}, [...items, text]);
    const error = await rejection(Promise.resolve().then(() => samplesOf([...items, text], cache)));
    expect(error).toBeInstanceOf(DataError);
    expect(error.message).toContain(text.path);
    expect(samplesOf(items, cache).records).toHaveLength(6);
  });
});

describe('a failure that is not the image', () => {
  it.each<[string, (path: string) => void, RegExp]>([
    ['gone', (path) => rmSync(path), /can no longer be read \(ENOENT/],
    ['half written', (path) => writeFileSync(path, 'half'), /has changed/],
  ])(
    'ends the decoding, and is not remembered: a file that is %s once it has been hashed',
    async (_, spoilFile, words) => {
      const whole = new Map(await Promise.all(items.map(async ({ path }) => [path, await readFile(path)] as const)));
      const onProgress = () => items.forEach(({ path }) => spoilFile(path));
      for (const strict of [false, true]) {
        const error = await rejection(openCache({ onProgress: once(onProgress), concurrency: 1, strict }));
        expect(error).toBeInstanceOf(FileError);
        expect(error.message).toMatch(words);
        expect(items.some(({ path }) => error.message.startsWith(`${path}: `))).toBe(true);
        expect(await readdir(directory)).toEqual([]);
        for (const [path, bytes] of whole) await writeFile(path, bytes);
      }
      expect((await openCache()).skipped).toEqual([]);
    },
  );
});

function once(work: () => void): () => void {
  let done = false;
  return () => {
    if (!done) work();
    done = true;
  };
}

describe('samples', () => {
  it('are records and labels in the order of the items', async () => {
    const cache = await openCache();
    const { records, labels, paths } = samplesOf(items, cache);
    expect(paths).toEqual(items.map((item) => item.path));
    expect([...labels]).toEqual([0, 1, 0, 1, 0, 1]);
    expect([...records]).toEqual(paths.map((path) => cache.recordOf.get(path)));
  });
});

describe('the size of the caches', () => {
  beforeEach(() => {
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '');
    return () => vi.unstubAllEnvs();
  });
  const old = new Date('2001-01-01');

  it('is reported', async () => {
    const { file } = await openCache();
    const bytes = (await readFile(file.path)).length;
    expect(await cacheReport(directory)).toEqual({ directory, files: 1, bytes, budget: 20 * 2 ** 30 });
    expect((await cacheReport(join(root, 'nowhere'))).files).toBe(0);
    vi.stubEnv('FINEPUNE_CACHE_BYTES', 'lots');
    expect(await rejection(cacheReport(directory))).toBeInstanceOf(UsageError);
  });

  it('is refused before anything is decoded where the budget is no number', async () => {
    vi.stubEnv('FINEPUNE_CACHE_BYTES', 'abc');
    const onProgress = vi.fn();
    const error = await rejection(openCache({ onProgress }));
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(/FINEPUNE_CACHE_BYTES .*"abc"/);
    expect(onProgress).not.toHaveBeenCalled();
  });

  it('is brought below the budget by removing what was used longest ago', async () => {
    const [a, b, c] = [await openCache({ size: 4 }), await openCache({ size: 5 }), await openCache({ size: 6 })];
    await utimes(a.file.path, old, old);
    await utimes(b.file.path, new Date('2002-01-01'), new Date('2002-01-01'));
    const sizes = await Promise.all([b, c].map(async ({ file }) => (await readFile(file.path)).length));
    vi.stubEnv('FINEPUNE_CACHE_BYTES', String(sizes[0] + sizes[1]));
    expect(await evictOldCaches(directory, c.file.path)).toEqual([a.file.path]);
    expect(await readdir(directory)).toHaveLength(2);
  });

  it('spares the cache just opened, and those that may be in use', async () => {
    const [a, b] = [await openCache({ size: 4 }), await openCache({ size: 5 })];
    await utimes(b.file.path, old, old);
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '0');
    expect(await evictOldCaches(directory, b.file.path)).toEqual([]);
    await utimes(a.file.path, old, old);
    expect(await evictOldCaches(directory, b.file.path)).toEqual([a.file.path]);
  });

  it('spares one that a run keeps in use, however long ago it was opened', async () => {
    const [a, b] = [await openCache({ size: 4 }), await openCache({ size: 5 })];
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '0');
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    onTestFinished(() => void vi.useRealTimers());
    const held = keepInUse(a.file.path);
    await utimes(a.file.path, old, old);
    vi.advanceTimersByTime(15 * 60 * 1000);
    await expect.poll(async () => (await stat(a.file.path)).mtimeMs).toBeGreaterThan(old.getTime());
    expect(await evictOldCaches(directory, b.file.path)).toEqual([]);
    held[Symbol.dispose]();
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts what a killed process left unfinished, and removes it once it is old', async () => {
    const { file } = await openCache();
    const left = `${file.path}.1-abcd.part`;
    await writeFile(left, 'x');
    expect(await evictOldCaches(directory, file.path)).toEqual([]);
    await utimes(left, old, old);
    expect(await evictOldCaches(directory, file.path)).toEqual([left]);
    await rm(file.path);
  });

  it('is counted in FINEPUNE_CACHE, else in XDG_CACHE_HOME', () => {
    vi.stubEnv('FINEPUNE_CACHE', '/somewhere');
    expect(imageCacheDirectory()).toBe('/somewhere/images');
    vi.stubEnv('FINEPUNE_CACHE', '');
    vi.stubEnv('XDG_CACHE_HOME', '/xdg');
    expect(imageCacheDirectory()).toBe('/xdg/finepune-native/images');
  });
});
