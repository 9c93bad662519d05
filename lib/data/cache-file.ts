/**
 * The decoded-image cache file:
 *
 *     0      magic "FPIMAGES", uint32 length of the JSON, the JSON (CacheHeader), zeros up to 4096
 *     4096   records, uint8 [count, size, size, channels]; zeros where an image could not be decoded
 *     then   JSON of the contents that could not be decoded, SkippedContent[]
 *
 * Integers are little-endian. The header is written last, so that a file without it is one not finished.
 *
 * A file whose decoding was given up (see partial-cache.ts) differs in three things: its magic is "FPPARTLY"; the records end
 * behind the last that is done, and the header says how many those are; and the list names, with null for a reason, the
 * contents among them that are still to be decoded.
 */

import { createHash } from 'node:crypto';
import { open, type FileHandle } from 'node:fs/promises';
import sharp from 'sharp';
import { writeAll } from '../atomic-file.js';
import { DECODER_VERSION, type ImageGeometry } from './decode.js';

/** What a file of each kind begins with. */
const MAGIC = { complete: 'FPIMAGES', partial: 'FPPARTLY' };
const MAGIC_BYTES = 8;

type Kind = keyof typeof MAGIC;
const VERSION = 1;

/** Where the records start: a page, so that they can be mapped. */
export const RECORDS_OFFSET = 4096;

/** A content that cannot be decoded, by the number its record would have. */
export interface SkippedContent {
  record: number;
  reason: string;
}

/** What a file is told by: the contents it is for and their geometry. */
export interface CacheIdentity {
  key: string;
  count: number;
  geometry: ImageGeometry;
}

interface CacheHeader {
  version: number;
  key: string;
  count: number;
  size: number;
  channels: number;
  /** How many of the records are in the file; absent in a complete one, which has them all. */
  records?: number;
  skippedBytes: number;
  skippedHash: string;
}

/** Bytes of one record. */
export function recordBytes({ size, channels }: ImageGeometry): number {
  return size * size * channels;
}

/** Where a file's first `records` records end. */
export function endOfRecords(records: number, geometry: ImageGeometry): number {
  return RECORDS_OFFSET + records * recordBytes(geometry);
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

/** Writes one record. */
export async function writeRecord(
  file: FileHandle,
  pixels: Uint8Array,
  record: number,
  geometry: ImageGeometry,
): Promise<void> {
  await writeAll(file, pixels, endOfRecords(record, geometry));
}

/** Writes the list of undecodable contents and the header behind which a file counts as complete. */
export async function finishCacheFile(
  file: FileHandle,
  { skipped, ...identity }: CacheIdentity & { skipped: readonly SkippedContent[] },
): Promise<void> {
  await writeListAndHeader(file, 'complete', { ...identity, records: identity.count, list: skipped });
}

/**
 * The skipped contents of a complete cache file with this key, count and geometry; null where there is no such file or
 * it is damaged. The records themselves are not read.
 */
export async function readCacheFile(path: string, identity: CacheIdentity): Promise<readonly SkippedContent[] | null> {
  const found = await readList<SkippedContent>(path, 'complete', identity);
  return found === null ? null : found.list;
}

/** A list of contents by record number, and how many of the records lie before it. */
export interface CacheList<Content> {
  list: readonly Content[];
  records: number;
}

/** Ends a file: the list, sorted, behind `records` records; then the header that vouches for it. */
export async function writeListAndHeader(
  file: FileHandle,
  kind: Kind,
  { key, count, geometry, records, list }: CacheIdentity & CacheList<{ record: number }>,
): Promise<void> {
  const bytes = Buffer.from(JSON.stringify(list.toSorted((a, b) => a.record - b.record)));
  const end = endOfRecords(records, geometry);
  await file.truncate(end); // where the last records were skipped, nothing has been written there
  await writeAll(file, bytes, end);
  await file.sync();
  const header: CacheHeader = {
    version: VERSION,
    key,
    count,
    size: geometry.size,
    channels: geometry.channels,
    ...(kind === 'partial' ? { records } : {}),
    skippedBytes: bytes.length,
    skippedHash: sha256(bytes),
  };
  const json = Buffer.from(JSON.stringify(header));
  const block = Buffer.alloc(RECORDS_OFFSET);
  block.write(MAGIC[kind], 0, 'latin1');
  block.writeUInt32LE(json.length, MAGIC_BYTES);
  json.copy(block, MAGIC_BYTES + 4);
  await writeAll(file, block, 0);
}

/**
 * What writeListAndHeader wrote into a file of this kind with this key, count and geometry; null where there is no such file or
 * it is damaged. The records themselves are not read.
 */
export async function readList<Content>(
  path: string,
  kind: Kind,
  identity: CacheIdentity,
): Promise<CacheList<Content> | null> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch {
    return null;
  }
  try {
    return await readOpenList<Content>(file, kind, identity);
  } catch {
    return null;
  } finally {
    await file.close();
  }
}

async function readOpenList<Content>(
  file: FileHandle,
  kind: Kind,
  { key, count, geometry }: CacheIdentity,
): Promise<CacheList<Content> | null> {
  const header = await readHeader(file, kind);
  const records = kind === 'partial' ? header?.records : count;
  const { size } = await file.stat();
  if (
    header === null ||
    !isLength(records) ||
    header.version !== VERSION ||
    header.key !== key ||
    header.count !== count ||
    header.size !== geometry.size ||
    header.channels !== geometry.channels ||
    records > count ||
    size !== endOfRecords(records, geometry) + header.skippedBytes
  ) {
    return null;
  }
  const bytes = Buffer.alloc(header.skippedBytes);
  await file.read(bytes, 0, bytes.length, endOfRecords(records, geometry));
  return sha256(bytes) === header.skippedHash ? { list: JSON.parse(bytes.toString()) as Content[], records } : null;
}

async function readHeader(file: FileHandle, kind: Kind): Promise<CacheHeader | null> {
  const block = Buffer.alloc(RECORDS_OFFSET);
  const { bytesRead } = await file.read(block, 0, block.length, 0);
  if (bytesRead < block.length || block.toString('latin1', 0, MAGIC_BYTES) !== MAGIC[kind]) return null;
  const length = block.readUInt32LE(MAGIC_BYTES);
  if (length > RECORDS_OFFSET - MAGIC_BYTES - 4) return null;
  const header = JSON.parse(block.toString('utf8', MAGIC_BYTES + 4, MAGIC_BYTES + 4 + length)) as Partial<CacheHeader>;
  // The key covers the rest: a header with another key is never believed.
  return isLength(header.skippedBytes) ? (header as CacheHeader) : null;
}

function isLength(value: number | undefined): value is number {
  return Number.isSafeInteger(value) && value! >= 0;
}

/** SHA-256 in hexadecimal. */
export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
