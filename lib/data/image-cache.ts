import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { ImageError, messageOf } from '../errors.js';
import { DECODING, buildCache, cachePath } from './build-cache.js';
import { imageCacheDirectory } from './cache-directory.js';
import { RECORDS_OFFSET, cacheKey, readCacheFile, sha256 } from './cache-file.js';
import { cacheBudget, evictOldCaches, touchCache } from './cache-size.js';
import type { ImageGeometry } from './decode.js';
import { forEachParallel } from './pool.js';
import { refuseSkipped, skippedFiles, sortByPath } from './skipped.js';
import type { ImageCache, Item, SkippedImage } from './types.js';

export interface ImageCacheOptions extends ImageGeometry {
  /** Folder of the cache files; imageCacheDirectory() where absent. */
  directory?: string | undefined;
  /** Cores to keep busy with decoding; those there are where absent. */
  concurrency?: number | undefined;
  /** Whether an unreadable image is an error instead of being skipped. */
  strict?: boolean | undefined;
  signal?: AbortSignal | undefined;
  /**
   * Called once it is known which images need no decoding, with their number, and after every image decoded from then on;
   * counts files, equal and unreadable ones too.
   */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
}

/**
 * Decodes images once into one uint8 file that the native side maps, or finds the file an earlier call made.
 *
 * The file is keyed by the contents of the images, the geometry and the decoder's version, so that renamed or moved
 * images are found again and changed ones are decoded anew. Records are written as they are decoded: memory holds
 * twice `concurrency` images. The file appears under its name complete or not at all; two processes may build one at
 * once. Unreadable images are skipped and listed; where decoding fails for a reason outside the image no file appears, so
 * that none is left out for ever. Afterwards the folder's oldest caches over the budget are removed (see evictOldCaches).
 *
 * Where decoding ends early, by the signal or an error, what is decoded is kept for the next call with the same contents,
 * unless the file could not be written.
 *
 * @throws ImageError for the first unreadable image where `strict`; AbortedError on the signal; FileError where the
 * cache cannot be written (no permission, no space), or a file changed or could no longer be read after it was hashed;
 * OutOfMemoryError; UsageError, before anything is read, as cacheBudget.
 */
export async function openImageCache(items: readonly Item[], options: ImageCacheOptions): Promise<ImageCache> {
  const geometry: ImageGeometry = { size: options.size, channels: options.channels };
  const concurrency = options.concurrency ?? availableParallelism();
  const strict = options.strict ?? false;
  const directory = options.directory ?? imageCacheDirectory();
  const paths = [...new Set(items.map((item) => item.path))];
  cacheBudget(); // a wrong one is not to be found out after an hour of decoding

  const hashed = await hashFiles(paths, { concurrency, strict, signal: options.signal });
  const contents = [...hashed.pathsOf.keys()].sort();
  const identity = { key: cacheKey(contents, geometry), count: contents.length, geometry };
  const files = { contents, pathsOf: hashed.pathsOf };
  const path = cachePath(directory, identity.key);
  const total = paths.length;

  let skippedContents = await readCacheFile(path, identity);
  const reused = skippedContents !== null;
  if (skippedContents === null) {
    const { signal, onProgress } = options;
    skippedContents = await buildCache({
      ...files,
      directory,
      identity,
      total,
      concurrency,
      strict,
      signal,
      onProgress,
    });
    await evictOldCaches(directory, path);
  } else {
    await touchCache(path);
    options.onProgress?.({ done: total, total });
  }

  const skipped = sortByPath([...hashed.unreadable, ...skippedFiles(skippedContents, files)]);
  if (strict) refuseSkipped(skipped);
  const withoutPixels = new Set(skippedContents.map(({ record }) => record));
  const recordOf = new Map<string, number>();
  contents.forEach((content, record) => {
    if (withoutPixels.has(record)) return;
    for (const image of hashed.pathsOf.get(content)!) recordOf.set(image, record);
  });
  const { size, channels } = geometry;
  const file = { path, offset: RECORDS_OFFSET, records: contents.length, height: size, width: size, channels };
  return { file, recordOf, contents, skipped, reused };
}

interface HashedFiles {
  /** SHA-256 of a content to the paths of the files that hold it. */
  pathsOf: Map<string, string[]>;
  unreadable: SkippedImage[];
}

async function hashFiles(
  paths: readonly string[],
  { concurrency, strict, signal }: { concurrency: number; strict: boolean; signal: AbortSignal | undefined },
): Promise<HashedFiles> {
  const hashes = new Array<string | undefined>(paths.length);
  const unreadable: SkippedImage[] = [];
  await forEachParallel(paths, { concurrency: concurrency * 2, signal, doing: DECODING }, async (path, index) => {
    try {
      hashes[index] = sha256(await readFile(path));
    } catch (error) {
      if (strict)
        throw new ImageError(`${path}: cannot be read (${messageOf(error)}); replace or remove it`, path, {
          cause: error,
        });
      unreadable.push({ path, reason: messageOf(error) });
    }
  });
  const pathsOf = new Map<string, string[]>();
  hashes.forEach((hash, index) => {
    if (hash === undefined) return;
    const same = pathsOf.get(hash);
    if (same) same.push(paths[index]);
    else pathsOf.set(hash, [paths[index]]);
  });
  return { pathsOf, unreadable };
}
