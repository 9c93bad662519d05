/** Decoding images into a cache file: all of them, or those that an earlier call did not come to. */

import { randomBytes } from 'node:crypto';
import { mkdir, open, rename, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { AbortedError, FileError, ImageError } from '../errors.js';
import { formatCount } from '../format.js';
import {
  RECORDS_OFFSET,
  finishCacheFile,
  recordBytes,
  writeRecord,
  type CacheIdentity,
  type SkippedContent,
} from './cache-file.js';
import { CACHE_EXTENSION, PARTIAL_EXTENSION, TEMPORARY_EXTENSION, evictOldCaches } from './cache-size.js';
import { decodeContent } from './decode-content.js';
import { reasonOf } from './decode.js';
import { claimPartial, keepPartial, type CachePaths, type UnfinishedCache } from './partial-cache.js';
import { forEachParallel } from './pool.js';
import { refuseSkipped, skippedFiles, type ContentFiles } from './skipped.js';

/** What is going on, for the error of a signal. */
export const DECODING = 'decoding images';

/** What a cache file is made of and how. */
export interface BuildRequest extends ContentFiles {
  directory: string;
  identity: CacheIdentity;
  /** Number of files, those that could not be hashed too. */
  total: number;
  concurrency: number;
  strict: boolean;
  signal: AbortSignal | undefined;
  onProgress: ((progress: { done: number; total: number }) => void) | undefined;
}

/** Where the complete cache file of a key is. */
export function cachePath(directory: string, key: string): string {
  return join(directory, `${key}${CACHE_EXTENSION}`);
}

/**
 * Decodes the images of a request into the file cachePath() names, going on from what an earlier call kept. Where decoding
 * ends early for another reason than that the file cannot be written, what is decoded is kept in turn.
 *
 * @returns the contents that cannot be decoded
 * @throws as openImageCache
 */
export async function buildCache(request: BuildRequest): Promise<SkippedContent[]> {
  const { directory, identity } = request;
  const paths = pathsFor(directory, identity.key);
  try {
    await mkdir(directory, { recursive: true });
    const cache = (await claimPartial(paths, identity)) ?? (await newCache(paths));
    try {
      await decodeMissing(cache, request);
      await finishCacheFile(cache.file, { ...identity, skipped: cache.skipped });
      await cache.file.sync();
    } catch (error) {
      throw isOfSystem(error) ? error : await afterKeeping(error, cache, paths, request);
    } finally {
      await cache.file.close();
    }
    await rename(paths.temporary, paths.complete);
    await rm(paths.partial, { force: true }).catch(() => undefined);
    return cache.skipped;
  } catch (error) {
    await rm(paths.temporary, { force: true }).catch(() => undefined);
    throw asFileError(error, directory);
  }
}

function pathsFor(directory: string, key: string): CachePaths {
  const complete = cachePath(directory, key);
  return {
    temporary: `${complete}.${process.pid}-${randomBytes(4).toString('hex')}${TEMPORARY_EXTENSION}`,
    partial: join(directory, `${key}${PARTIAL_EXTENSION}`),
    complete,
  };
}

async function newCache({ temporary }: CachePaths): Promise<UnfinishedCache> {
  return { file: await open(temporary, 'wx'), done: new Set(), skipped: [] };
}

async function decodeMissing(cache: UnfinishedCache, request: BuildRequest): Promise<void> {
  const { contents, pathsOf, identity, total, strict } = request;
  // Known before the hour that the rest may take.
  if (strict) refuseSkipped(skippedFiles(cache.skipped, request));
  const missing = missingRecords(cache, request);
  await requireSpace(request.directory, RECORDS_OFFSET + recordBytes(identity.geometry) * missing.length);
  let done = filesDone(cache, request);
  request.onProgress?.({ done, total });
  // While one image is decoded another is read and a third written: as many as there are cores leave them idle.
  const pool = { concurrency: request.concurrency * 2, signal: request.signal, doing: DECODING };
  await forEachParallel(missing, pool, async (record) => {
    const content = contents[record];
    const files = pathsOf.get(content)!;
    try {
      const pixels = await decodeContent(files[0], content, identity.geometry);
      await writeRecord(cache.file, pixels, record, identity.geometry);
    } catch (error) {
      if (!(error instanceof ImageError) || strict) throw error;
      cache.skipped.push({ record, reason: reasonOf(error) });
    }
    cache.done.add(record);
    done += files.length;
    request.onProgress?.({ done, total });
  });
}

function missingRecords({ done }: UnfinishedCache, { contents }: BuildRequest): number[] {
  return [...contents.keys()].filter((record) => !done.has(record));
}

/** Files that need no decoding any more, those that could not be hashed among them. */
function filesDone(cache: UnfinishedCache, request: BuildRequest): number {
  const { contents, pathsOf, total } = request;
  return missingRecords(cache, request).reduce((left, record) => left - pathsOf.get(contents[record])!.length, total);
}

/** Keeps what is decoded, and says so in the error of a signal. */
async function afterKeeping(
  error: unknown,
  cache: UnfinishedCache,
  paths: CachePaths,
  request: BuildRequest,
): Promise<unknown> {
  if (!(await keepPartial(cache, paths, request.identity))) return error;
  await evictOldCaches(request.directory, paths.partial);
  if (!(error instanceof AbortedError)) return error;
  const done = `${formatCount(filesDone(cache, request))} of ${formatCount(request.total)}`;
  return new AbortedError(`${error.message}; ${done} are decoded and kept, start again to go on from there`, {
    cause: error.cause,
  });
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

/** Whether the system refused something to this room itself: decodeContent's errors are no longer the system's. */
function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).syscall === 'string';
}

/** Errors of the file system as FileError; everything else as it is. */
function asFileError(error: unknown, directory: string): unknown {
  if (!isOfSystem(error)) return error;
  const { code } = error;
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
