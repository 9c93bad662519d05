/** A cache file whose decoding was given up: kept under a name of its own until a call with the same key goes on with it. */

import { open, rename, rm, type FileHandle } from 'node:fs/promises';
import {
  endOfRecords,
  readCacheFile,
  readList,
  writeListAndHeader,
  type CacheIdentity,
  type SkippedContent,
} from './cache-file.js';
import { touchCache } from './cache-size.js';

/** A cache file that is being written. */
export interface UnfinishedCache {
  file: FileHandle;
  /** Records that need no decoding any more: those written and those that cannot be decoded. */
  done: Set<number>;
  /** Those of them that cannot be decoded. */
  skipped: SkippedContent[];
}

/** Where the file of one key is: while it is written, once it is given up, and once it is complete. */
export interface CachePaths {
  /** Of this call alone. */
  temporary: string;
  partial: string;
  complete: string;
}

/** An entry of a partial file's list: a content without pixels, and why; null where it is still to be decoded. */
interface WithoutPixels {
  record: number;
  reason: string | null;
}

/**
 * Takes over what an earlier call kept, under the temporary name: of two callers at once one gets it. A file that is damaged or
 * of another key is removed.
 *
 * @returns null where there is nothing to take over; no file has the temporary name then
 */
export async function claimPartial(
  { partial, temporary }: CachePaths,
  identity: CacheIdentity,
): Promise<UnfinishedCache | null> {
  // While it still has its own name: an old file under a temporary one counts as left by a killed process.
  await touchCache(partial);
  try {
    await rename(partial, temporary);
  } catch {
    return null;
  }
  const found = await readPartial(temporary, identity);
  const file = found && (await openWithoutList(temporary, endOfRecords(found.records, identity.geometry)));
  if (!file) {
    await rm(temporary, { force: true });
    return null;
  }
  return { file, done: found.done, skipped: found.skipped };
}

/**
 * Keeps what is decoded for the next call with this key, under the partial name. Where another call has kept more or made the
 * file complete, that stays and this is not needed.
 *
 * @returns whether the next call finds as much decoded; false where nothing is or the file cannot be written
 */
export async function keepPartial(
  cache: UnfinishedCache,
  { temporary, partial, complete }: CachePaths,
  identity: CacheIdentity,
): Promise<boolean> {
  if (cache.done.size === 0) return false;
  try {
    if ((await readCacheFile(complete, identity)) !== null) return true;
    const other = await readPartial(partial, identity);
    if (other !== null && other.done.size >= cache.done.size) return true;
    const records = [...cache.done].reduce((last, record) => Math.max(last, record), -1) + 1;
    const missing = recordsBelow(records).filter((record) => !cache.done.has(record));
    const list: WithoutPixels[] = [...cache.skipped, ...missing.map((record) => ({ record, reason: null }))];
    await writeListAndHeader(cache.file, 'partial', { ...identity, records, list });
    await cache.file.sync();
    await rename(temporary, partial);
    return true;
  } catch {
    return false;
  }
}

async function readPartial(
  path: string,
  identity: CacheIdentity,
): Promise<{ records: number; done: Set<number>; skipped: SkippedContent[] } | null> {
  const found = await readList<WithoutPixels>(path, 'partial', identity);
  if (found === null) return null;
  const { list, records } = found;
  const missing = new Set(list.filter(({ reason }) => reason === null).map(({ record }) => record));
  const skipped = list.filter((content): content is SkippedContent => content.reason !== null);
  return { records, done: new Set(recordsBelow(records).filter((record) => !missing.has(record))), skipped };
}

/** The list would be taken for pixels where records that come there are skipped. */
async function openWithoutList(path: string, end: number): Promise<FileHandle | null> {
  const file = await open(path, 'r+').catch(() => null);
  try {
    await file?.truncate(end);
    return file;
  } catch {
    await file?.close();
    return null;
  }
}

function recordsBelow(count: number): number[] {
  return Array.from({ length: count }, (_, record) => record);
}
