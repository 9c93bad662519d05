import { randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm, statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { FileError, ImageError, messageOf } from '../errors.js';
import { imageCacheDirectory } from './cache-directory.js';
import {
  RECORDS_OFFSET,
  cacheKey,
  finishCacheFile,
  readCacheFile,
  recordBytes,
  sha256,
  type SkippedContent,
} from './cache-file.js';
import { CACHE_EXTENSION, TEMPORARY_EXTENSION, cacheBudget, evictOldCaches, touchCache } from './cache-size.js';
import { decodeContent } from './decode-content.js';
import { reasonOf, type ImageGeometry } from './decode.js';
import { forEachParallel } from './pool.js';
import type { ImageCache, Item, SkippedImage } from './types.js';

export interface ImageCacheOptions extends ImageGeometry {
  /** Folder of the cache files; imageCacheDirectory() where absent. */
  directory?: string | undefined;
  /** Cores to keep busy with decoding; those there are where absent. */
  concurrency?: number | undefined;
  /** Whether an unreadable image is an error instead of being skipped. */
  strict?: boolean | undefined;
  signal?: AbortSignal | undefined;
  /** Called after every image decoded, and once at the end where nothing had to be; counts files, equal and unreadable ones too. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
}

const DOING = 'decoding images';

/**
 * Decodes images once into one uint8 file that the native side maps, or finds the file an earlier call made.
 *
 * The file is keyed by the contents of the images, the geometry and the decoder's version, so that renamed or moved
 * images are found again and changed ones are decoded anew. Records are written as they are decoded: memory holds
 * twice `concurrency` images. The file appears under its name complete or not at all; two processes may build one at
 * once. Unreadable images are skipped and listed; where decoding fails for a reason outside the image no file appears, so
 * that none is left out for ever. Afterwards the folder's oldest caches over the budget are removed (see evictOldCaches).
 *
 * @throws ImageError for the first unreadable image where `strict`; AbortedError on the signal; FileError where the
 * cache cannot be written (no permission, no space), or a file changed or could no longer be read after it was hashed;
 * OutOfMemoryError; UsageError, before anything is read, as cacheBudget.
 */
export async function openImageCache(items: readonly Item[], options: ImageCacheOptions): Promise<ImageCache> {
  const geometry: ImageGeometry = { size: options.size, channels: options.channels };
  const concurrency = options.concurrency ?? availableParallelism();
  const directory = options.directory ?? imageCacheDirectory();
  const paths = [...new Set(items.map((item) => item.path))];
  cacheBudget(); // a wrong one is not to be found out after an hour of decoding

  const hashed = await hashFiles(paths, { concurrency, strict: options.strict ?? false, signal: options.signal });
  const contents = [...hashed.pathsOf.keys()].sort();
  const key = cacheKey(contents, geometry);
  const path = join(directory, `${key}${CACHE_EXTENSION}`);
  const identity = { key, count: contents.length, geometry };
  const total = paths.length;

  let skippedContents = await readCacheFile(path, identity);
  const reused = skippedContents !== null;
  if (skippedContents === null) {
    skippedContents = await build(path, directory, contents, hashed.pathsOf, identity, {
      ...options,
      concurrency,
      total,
    });
    await evictOldCaches(directory, path);
  } else {
    await touchCache(path);
    options.onProgress?.({ done: total, total });
  }

  const reasons = new Map(skippedContents.map(({ record, reason }) => [record, reason]));
  const recordOf = new Map<string, number>();
  const skipped: SkippedImage[] = [...hashed.unreadable];
  contents.forEach((content, record) => {
    const reason = reasons.get(record);
    for (const image of hashed.pathsOf.get(content)!) {
      if (reason === undefined) recordOf.set(image, record);
      else skipped.push({ path: image, reason });
    }
  });
  skipped.sort((a, b) => (a.path < b.path ? -1 : 1));
  const first = skipped.at(0);
  if (options.strict && first) throw new ImageError(`${first.path}: ${first.reason}; replace or remove it`, first.path);
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
  await forEachParallel(paths, { concurrency: concurrency * 2, signal, doing: DOING }, async (path, index) => {
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

async function build(
  path: string,
  directory: string,
  contents: readonly string[],
  pathsOf: ReadonlyMap<string, string[]>,
  identity: { key: string; count: number; geometry: ImageGeometry },
  options: ImageCacheOptions & { concurrency: number; total: number },
): Promise<SkippedContent[]> {
  const bytes = recordBytes(identity.geometry);
  const temporary = `${path}.${process.pid}-${randomBytes(4).toString('hex')}${TEMPORARY_EXTENSION}`;
  try {
    await mkdir(directory, { recursive: true });
    await requireSpace(directory, RECORDS_OFFSET + bytes * contents.length);
    const file = await open(temporary, 'wx');
    const skipped: SkippedContent[] = [];
    try {
      // Those that could not be hashed are done with.
      let done = options.total - [...pathsOf.values()].flat().length;
      // While one image is decoded another is read and a third written: as many as there are cores leave them idle.
      const pool = { concurrency: options.concurrency * 2, signal: options.signal, doing: DOING };
      await forEachParallel(contents, pool, async (content, record) => {
        const files = pathsOf.get(content)!;
        try {
          const pixels = await decodeContent(files[0], content, identity.geometry);
          await file.write(pixels, 0, bytes, RECORDS_OFFSET + record * bytes);
        } catch (error) {
          if (!(error instanceof ImageError) || options.strict) throw error;
          skipped.push({ record, reason: reasonOf(error) });
        }
        done += files.length;
        options.onProgress?.({ done, total: options.total });
      });
      skipped.sort((a, b) => a.record - b.record);
      await finishCacheFile(file, { ...identity, skipped });
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
    return skipped;
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw asFileError(error, directory);
  }
}

async function requireSpace(directory: string, bytes: number): Promise<void> {
  const { bavail, bsize } = await statfs(directory);
  if (bavail * bsize < bytes) {
    throw new FileError(
      `${directory}: ${megabytes(bavail * bsize)} MB free, the decoded images need ${megabytes(bytes)} MB; free some space or set FINEPUNE_CACHE to another disk`,
      directory,
    );
  }
}

function megabytes(bytes: number): number {
  return Math.ceil(bytes / 1e6);
}

/** Errors of the file system as FileError; everything else as it is. */
function asFileError(error: unknown, directory: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (!(error instanceof Error) || typeof (error as NodeJS.ErrnoException).syscall !== 'string') return error;
  const mend =
    code === 'ENOSPC'
      ? 'free some space or set FINEPUNE_CACHE to another disk'
      : 'set FINEPUNE_CACHE to a folder that can be written';
  return new FileError(
    `${directory}: the decoded images cannot be written (${code ?? error.message}); ${mend}`,
    directory,
    { cause: error },
  );
}
