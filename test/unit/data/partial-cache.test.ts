/** Decoding that ends early: what is decoded is there for the next call. */

import { copyFileSync, renameSync, rmSync } from 'node:fs';
import { copyFile, open, readFile, readdir, rename, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { cacheReport, decodeImage, openImageCache, type ImageCache, type Item } from '../../../lib/data/index.js';
import type { CacheIdentity } from '../../../lib/data/cache-file.js';
import { evictOldCaches } from '../../../lib/data/cache-size.js';
import { decodeContent } from '../../../lib/data/decode-content.js';
import { claimPartial } from '../../../lib/data/partial-cache.js';
import { AbortedError, FileError, ImageError } from '../../../lib/errors.js';
import { addImage, rejection, temporaryFolder } from './fixtures.js';

vi.mock('../../../lib/data/decode-content.js', { spy: true });

const SIZE = 6;
const GOOD = 8;
const BAD = 6;
const TOTAL = GOOD + BAD;
type Options = Partial<Parameters<typeof openImageCache>[1]>;

let root: string;
let directory: string;
/** Images, texts that are none, in the order of their paths. */
let items: Item[];

beforeEach(async () => {
  vi.mocked(decodeContent).mockClear();
  root = await temporaryFolder();
  directory = join(root, 'cache');
  items = [];
  for (let i = 0; i < GOOD; i++) items.push({ path: await addImage(root, 'images', `${i}.png`), label: 0 });
  for (let i = 0; i < BAD; i++) {
    const path = join(root, 'images', `bad-${i}.png`);
    await writeFile(path, `text ${i}`);
    items.push({ path, label: 0 });
  }
});

/** One core, so that two images are under way. */
const openCache = (options: Options = {}): Promise<ImageCache> =>
  openImageCache(items, { size: SIZE, channels: 3, directory, concurrency: 1, ...options });

/** Stops once `count` images are done; returns how many were in the end. */
async function stopAfter(count: number, options: Options = {}, atStop: () => void = () => undefined): Promise<number> {
  const controller = new AbortController();
  let last = 0;
  const onProgress = ({ done }: { done: number }) => {
    last = done;
    if (done < count || controller.signal.aborted) return;
    atStop();
    controller.abort();
  };
  const error = await rejection(openCache({ signal: controller.signal, onProgress, ...options }));
  expect(error).toBeInstanceOf(AbortedError);
  return last;
}

/** Opens to the end; `started` is what was told to be there already. */
async function goOn(options: Options = {}): Promise<{ cache: ImageCache; started: number | undefined }> {
  const onProgress = vi.fn<(progress: { done: number; total: number }) => void>();
  vi.mocked(decodeContent).mockClear();
  const cache = await openCache({ onProgress, ...options });
  expect(onProgress.mock.lastCall).toEqual([{ done: TOTAL, total: TOTAL }]);
  return { cache, started: onProgress.mock.calls[0]?.[0].done };
}

/** The bytes of the file that decoding without a stop makes. */
async function wholeFile(): Promise<Buffer> {
  const { file } = await openCache({ directory: join(root, 'other') });
  return readFile(file.path);
}

/** The one file of the folder, which is to be a partial one. */
async function partialFile(): Promise<string> {
  const names = await readdir(directory);
  expect(names).toEqual([expect.stringMatching(/^[0-9a-f]{64}\.partial$/)]);
  return join(directory, names[0]);
}

describe('decoding that is stopped by the signal', () => {
  it('keeps what is decoded, says so, and the next call decodes only the rest', async () => {
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) => (done >= 5 ? controller.abort() : undefined);
    const error = await rejection(openCache({ signal: controller.signal, onProgress }));
    const kept = Number(
      /; (\d+) of 14 are decoded and kept, start again to go on from there$/.exec(error.message)?.[1],
    );
    expect(kept).toBeGreaterThanOrEqual(5);
    expect(kept).toBeLessThan(TOTAL);
    await partialFile();
    const { cache, started } = await goOn();
    expect(started).toBe(kept);
    expect(decodeContent).toHaveBeenCalledTimes(TOTAL - kept);
    expect(cache.reused).toBe(false);
    expect(cache.skipped.map(({ path }) => path)).toEqual(items.slice(GOOD).map(({ path }) => path));
    expect(await readdir(directory)).toHaveLength(1);
    const bytes = await readFile(cache.file.path);
    for (const { path } of items.slice(0, GOOD)) {
      const start = cache.file.offset + cache.recordOf.get(path)! * SIZE * SIZE * 3;
      const pixels = await decodeImage(path, { size: SIZE, channels: 3 });
      expect([...bytes.subarray(start, start + pixels.length)]).toEqual([...pixels]);
    }
  });

  it('ends with the bytes of one never stopped, though it is stopped after every image', async () => {
    let kept = 0;
    while (kept < TOTAL - 2) {
      const now = await stopAfter(kept + 1);
      expect(now).toBeGreaterThan(kept);
      kept = now;
    }
    const { cache, started } = await goOn();
    expect(started).toBe(kept);
    expect((await readFile(cache.file.path)).equals(await wholeFile())).toBe(true);
  });

  it('takes no more room than what is decoded', async () => {
    await stopAfter(1);
    const { size } = await stat(await partialFile());
    expect(size).toBeLessThan((await wholeFile()).length - 5 * SIZE * SIZE * 3);
  });

  it('counts files of equal content in what is there', async () => {
    for (const { path } of [...items]) {
      const copy = path.replace('.png', '-copy.png');
      await copyFile(path, copy);
      items.push({ path: copy, label: 0 });
    }
    const kept = await stopAfter(4);
    const onProgress = vi.fn();
    await openCache({ onProgress });
    expect(onProgress.mock.calls[0]).toEqual([{ done: kept, total: 2 * TOTAL }]);
  });

  it('keeps what an earlier call kept where it is stopped before it has decoded more', async () => {
    const kept = await stopAfter(5);
    expect(await stopAfter(0)).toBe(kept);
    expect((await goOn()).started).toBe(kept);
  });

  it('does not put less in the place of what another call has kept meanwhile', async () => {
    await stopAfter(8);
    const [partial, aside] = [await partialFile(), join(root, 'aside')];
    await rename(partial, aside);
    const whole = await readFile(aside);
    await stopAfter(1, {}, () => copyFileSync(aside, partial));
    expect(await partialFile()).toBe(partial);
    expect(await readFile(partial)).toEqual(whole);
  });

  it('keeps nothing beside a file that another call has completed meanwhile', async () => {
    const { file } = await openCache();
    const aside = join(root, 'aside');
    await rename(file.path, aside);
    await stopAfter(1, {}, () => renameSync(aside, file.path));
    expect(await readdir(directory)).toHaveLength(1);
    expect((await openCache()).reused).toBe(true);
  });

  it('leaves nothing, and promises nothing, where it cannot be written down', async () => {
    const prototype = await fileHandlePrototype();
    vi.spyOn(prototype, 'sync').mockRejectedValue(systemError('EIO', 'fsync'));
    onTestFinished(() => void vi.restoreAllMocks());
    const controller = new AbortController();
    const onProgress = ({ done }: { done: number }) => (done === 3 ? controller.abort() : undefined);
    const error = await rejection(openCache({ signal: controller.signal, onProgress }));
    expect(error).toBeInstanceOf(AbortedError);
    expect(error.message).toBe('decoding images: stopped on request');
    expect(await readdir(directory)).toEqual([]);
  });
});

/** What file handles have their methods from. */
async function fileHandlePrototype(): Promise<Awaited<ReturnType<typeof open>>> {
  const handle = await open(items[0].path);
  await handle.close();
  return Object.getPrototypeOf(handle) as typeof handle;
}

function systemError(code: string, syscall: string): Error {
  return Object.assign(new Error(code), { code, syscall });
}

describe('decoding that fails', () => {
  it('keeps what is decoded where a file is gone, and goes on once it is back', async () => {
    const last = new Map(await Promise.all(items.map(async ({ path }) => [path, await readFile(path)] as const)));
    const onProgress = ({ done }: { done: number }) => {
      if (done === 4) for (const path of last.keys()) rmSync(path, { force: true });
    };
    const error = await rejection(openCache({ onProgress }));
    expect(error).toBeInstanceOf(FileError);
    expect(error.message).toMatch(/can no longer be read/);
    await partialFile();
    for (const [path, bytes] of last) await writeFile(path, bytes);
    const { cache, started } = await goOn();
    expect(started).toBeGreaterThanOrEqual(4);
    expect(cache.skipped).toHaveLength(BAD);
    expect((await readFile(cache.file.path)).equals(await wholeFile())).toBe(true);
  });

  it('goes on behind an image that failed and before those that were done', async () => {
    vi.mocked(decodeContent).mockRejectedValueOnce(new FileError('elsewhere', 'elsewhere'));
    expect((await rejection(openCache())).message).toBe('elsewhere');
    await partialFile();
    const { cache, started } = await goOn();
    expect(started).toBe(1);
    expect((await readFile(cache.file.path)).equals(await wholeFile())).toBe(true);
  });

  it('keeps nothing where the disk is full', async () => {
    const prototype = await fileHandlePrototype();
    const onProgress = ({ done }: { done: number }) => {
      if (done === 4) vi.spyOn(prototype, 'write').mockRejectedValueOnce(systemError('ENOSPC', 'write'));
    };
    onTestFinished(() => void vi.restoreAllMocks());
    const error = await rejection(openCache({ onProgress }));
    expect(error).toBeInstanceOf(FileError);
    expect(error.message).toMatch(/ENOSPC.*free some space/);
    expect(await readdir(directory)).toEqual([]);
  });
});

describe('a strict call', () => {
  it('refuses what an earlier call skipped, by path and in the words of one that decodes it, and loses nothing', async () => {
    const kept = await stopAfter(TOTAL - 2);
    const bad = items.slice(GOOD).map(({ path }) => path);
    vi.mocked(decodeContent).mockClear();
    const error = await rejection(openCache({ strict: true }));
    expect(error).toBeInstanceOf(ImageError);
    expect(bad.map((path) => `${path}: not a JPEG, PNG, TIFF, WebP or BMP image; replace or remove it`)).toContain(
      error.message,
    );
    expect(decodeContent).not.toHaveBeenCalled();
    await partialFile();
    expect((await goOn()).started).toBe(kept);
  });

  it('keeps what it decoded before the image that it refuses', async () => {
    const onProgress = vi.fn<(progress: { done: number }) => void>();
    expect(await rejection(openCache({ strict: true, onProgress }))).toBeInstanceOf(ImageError);
    const kept = onProgress.mock.lastCall?.[0].done;
    expect(await readdir(directory)).toHaveLength(kept === 0 ? 0 : 1);
    expect((await goOn()).started).toBe(kept);
  });
});

describe('a partial file that is damaged or foreign', () => {
  it.each<[string, (path: string) => Promise<void>]>([
    ['cut off', async (path) => truncate(path, (await stat(path)).size - 1)],
    ['longer than it says', async (path) => writeFile(path, 'x', { flag: 'a' })],
    ['empty', (path) => truncate(path, 0)],
    ['without its header', async (path) => writeFile(path, (await readFile(path)).fill(0, 0, 4096))],
    ['with a header of nonsense', async (path) => writeFile(path, (await readFile(path)).fill(0xff, 8, 400))],
    ['with another key', async (path) => change(path, /"key":"./, '"key":"x')],
    ['with another version', async (path) => change(path, /"version":\d/, '"version":0')],
    ['with more records than there are', async (path) => change(path, /"records":\d+/, '"records":99')],
    ['with another number of records', async (path) => change(path, /"records":\d+/, '"records":1')],
    ['with a damaged list at its end', async (path) => change(path, /\[\{"record"/, '[{"recorb"')],
    ['a complete file', async (path) => writeFile(path, await wholeFile())],
    ['of another geometry', async (path) => rename(await partialOfSize(5), path)],
  ])('is not believed, and removed: %s', async (_, damage) => {
    await stopAfter(TOTAL - 2);
    await damage(await partialFile());
    const { cache, started } = await goOn();
    expect(started).toBe(0);
    expect(decodeContent).toHaveBeenCalledTimes(TOTAL);
    expect(await readdir(directory)).toEqual([expect.stringMatching(/\.images$/)]);
    expect((await readFile(cache.file.path)).equals(await wholeFile())).toBe(true);
  });

  it('is removed though the call that finds it decodes nothing', async () => {
    await stopAfter(5);
    await truncate(await partialFile(), 5000);
    expect(await stopAfter(0)).toBe(0);
    expect(await readdir(directory)).toEqual([]);
  });

  it('is not taken for a complete one, though only the first record is missing', async () => {
    for (let others = 1; others < TOTAL; others++) {
      vi.mocked(decodeContent).mockRejectedValueOnce(new FileError('elsewhere', 'elsewhere'));
      await rejection(openCache());
    }
    const partial = await partialFile();
    expect((await readFile(partial)).toString('latin1', 0, 4096)).toContain(`"records":${TOTAL}`);
    await rename(partial, partial.replace('.partial', '.images'));
    const { cache } = await goOn();
    expect(cache.reused).toBe(false);
    expect((await readFile(cache.file.path)).equals(await wholeFile())).toBe(true);
  });
});

/** Replaces text of a file by other text, padded to its length. */
async function change(path: string, from: RegExp, to: string): Promise<void> {
  const text = (await readFile(path)).toString('latin1');
  expect(text).toMatch(from);
  const changed = text.replace(from, (found) => to.padEnd(found.length));
  expect(changed).not.toBe(text);
  await writeFile(path, changed, 'latin1');
}

async function partialOfSize(size: number): Promise<string> {
  const other = join(root, 'other-size');
  await stopAfter(TOTAL - 2, { size, directory: other });
  return join(other, (await readdir(other))[0]);
}

describe('a partial file and two calls at once', () => {
  it('goes to one of them; the other decodes all by itself', async () => {
    const kept = await stopAfter(5);
    let second: ReturnType<typeof goOn> | undefined;
    const onProgress = vi.fn<(progress: { done: number; total: number }) => void>(() => void (second ??= goOn()));
    const { decodeContent: decode } = await vi.importActual<{ decodeContent: typeof decodeContent }>(
      '../../../lib/data/decode-content.js',
    );
    // The first is still at work when the second has ended.
    vi.mocked(decodeContent).mockImplementationOnce(async (...words) => {
      await second;
      return decode(...words);
    });
    const first = await openCache({ onProgress });
    expect(onProgress.mock.calls[0]).toEqual([{ done: kept, total: TOTAL }]);
    expect((await second!).started).toBe(0);
    expect((await second!).cache.file).toEqual(first.file);
    expect(await readdir(directory)).toHaveLength(1);
    expect((await readFile(first.file.path)).equals(await wholeFile())).toBe(true);
  });

  it('is claimed once', async () => {
    const kept = await stopAfter(5);
    const partial = await partialFile();
    const identity = await identityIn(partial);
    const [a, b] = await Promise.all(
      ['a', 'b'].map((name) => claimPartial({ partial, temporary: `${partial}.${name}.part`, complete: '' }, identity)),
    );
    await a?.file.close();
    await b?.file.close();
    expect([a, b].flatMap((claimed) => claimed?.done.size ?? [])).toEqual([kept]);
  });
});

/** What the file's own header says that it is. */
async function identityIn(path: string): Promise<CacheIdentity> {
  const text = (await readFile(path)).toString('latin1', 12, 4096);
  const { key, count } = JSON.parse(text.slice(0, text.indexOf('}') + 1)) as { key: string; count: number };
  return { key, count, geometry: { size: SIZE, channels: 3 } };
}

describe('partial files and the budget', () => {
  beforeEach(() => {
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '');
    return () => vi.unstubAllEnvs();
  });
  const old = new Date('2001-01-01');

  it('are counted', async () => {
    await stopAfter(5);
    const { size } = await stat(await partialFile());
    expect(await cacheReport(directory)).toMatchObject({ files: 1, bytes: size });
  });

  it('are removed once they are old where the budget is exceeded, and only there', async () => {
    await stopAfter(5);
    const partial = await partialFile();
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '0');
    expect(await evictOldCaches(directory, 'none')).toEqual([]);
    await utimes(partial, old, old);
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '');
    expect(await evictOldCaches(directory, 'none')).toEqual([]);
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '0');
    expect(await evictOldCaches(directory, 'none')).toEqual([partial]);
    expect(await readdir(directory)).toEqual([]);
  });

  it('make room among older files when they are kept', async () => {
    const { file } = await openCache({ size: 5 });
    await utimes(file.path, old, old);
    await stopAfter(5);
    expect(await readdir(directory)).toHaveLength(2);
    vi.stubEnv('FINEPUNE_CACHE_BYTES', '0');
    await stopAfter(0);
    await partialFile();
  });

  it('are gone once the complete file is there, one that another call has kept meanwhile too', async () => {
    await stopAfter(5);
    const [partial, aside] = [await partialFile(), join(root, 'aside')];
    await copyFile(partial, aside);
    const { cache } = await goOn();
    expect(await readdir(directory)).toHaveLength(1);
    await rm(cache.file.path);
    await openCache({ onProgress: ({ done }) => (done === 3 ? copyFileSync(aside, partial) : undefined) });
    expect(await readdir(directory)).toHaveLength(1);
    expect((await openCache()).reused).toBe(true);
  });
});
