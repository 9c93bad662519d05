/**
 * The decoded-image cache file:
 *
 *     0      magic "FPIMAGES", uint32 length of the JSON, the JSON (CacheHeader), zeros up to 4096
 *     4096   records, uint8 [count, size, size, channels]; zeros where an image could not be decoded
 *     then   JSON of the contents that could not be decoded, SkippedContent[]
 *
 * Integers are little-endian. The header is written last, so that a file without it is one not finished.
 */

import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import sharp from 'sharp';
import { DECODER_VERSION, type ImageGeometry } from './decode.js';

const MAGIC = 'FPIMAGES';
const VERSION = 1;

/** Where the records start: a page, so that they can be mapped. */
export const RECORDS_OFFSET = 4096;

/** A content that cannot be decoded, by the number its record would have. */
export interface SkippedContent {
  record: number;
  reason: string;
}

interface CacheHeader {
  version: number;
  key: string;
  count: number;
  size: number;
  channels: number;
  skippedBytes: number;
  skippedHash: string;
}

/** Bytes of one record. */
export function recordBytes({ size, channels }: ImageGeometry): number {
  return size * size * channels;
}

/** What a cache holds, as a name: the contents (sorted SHA-256), the geometry and everything that changes pixels. */
export function cacheKey(contents: readonly string[], geometry: ImageGeometry): string {
  const hash = createHash('sha256');
  hash.update(
    JSON.stringify([VERSION, DECODER_VERSION, sharp.versions.vips, geometry.size, geometry.channels, contents.length]),
  );
  for (const content of contents) hash.update(content);
  return hash.digest('hex');
}

/** Writes the list of undecodable contents and the header behind which a file counts as complete. */
export async function finishCacheFile(
  file: FileHandle,
  { key, count, geometry, skipped }: { key: string; count: number; geometry: ImageGeometry; skipped: SkippedContent[] },
): Promise<void> {
  const list = Buffer.from(JSON.stringify(skipped));
  const end = RECORDS_OFFSET + count * recordBytes(geometry);
  await file.truncate(end); // where the last records were skipped, nothing has been written there
  await file.write(list, 0, list.length, end);
  await file.sync();
  const header: CacheHeader = {
    version: VERSION,
    key,
    count,
    size: geometry.size,
    channels: geometry.channels,
    skippedBytes: list.length,
    skippedHash: sha256(list),
  };
  const json = Buffer.from(JSON.stringify(header));
  const block = Buffer.alloc(RECORDS_OFFSET);
  block.write(MAGIC, 0, 'latin1');
  block.writeUInt32LE(json.length, MAGIC.length);
  json.copy(block, MAGIC.length + 4);
  await file.write(block, 0, block.length, 0);
}

/**
 * The skipped contents of a complete cache file with this key, count and geometry; null where there is no such file or
 * it is damaged. The records themselves are not read.
 */
export async function readCacheFile(
  path: string,
  { key, count, geometry }: { key: string; count: number; geometry: ImageGeometry },
): Promise<SkippedContent[] | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch {
    return null;
  }
  try {
    const header = await readHeader(file);
    const { size } = await file.stat();
    const end = RECORDS_OFFSET + count * recordBytes(geometry);
    if (
      header === null ||
      header.version !== VERSION ||
      header.key !== key ||
      header.count !== count ||
      header.size !== geometry.size ||
      header.channels !== geometry.channels ||
      size !== end + header.skippedBytes
    ) {
      return null;
    }
    const list = Buffer.alloc(header.skippedBytes);
    await file.read(list, 0, list.length, end);
    return sha256(list) === header.skippedHash ? (JSON.parse(list.toString()) as SkippedContent[]) : null;
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

async function readHeader(file: FileHandle): Promise<CacheHeader | null> {
  const block = Buffer.alloc(RECORDS_OFFSET);
  const { bytesRead } = await file.read(block, 0, block.length, 0);
  if (bytesRead < block.length || block.toString('latin1', 0, MAGIC.length) !== MAGIC) return null;
  const length = block.readUInt32LE(MAGIC.length);
  if (length > RECORDS_OFFSET - MAGIC.length - 4) return null;
  const header = JSON.parse(
    block.toString('utf8', MAGIC.length + 4, MAGIC.length + 4 + length),
  ) as Partial<CacheHeader>;
  // The key covers the rest: a header with another key is never believed.
  return Number.isSafeInteger(header.skippedBytes) && header.skippedBytes! >= 0 ? (header as CacheHeader) : null;
}

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
