/** Unpacks part of a .zip or .whl, checking every file's CRC and, where the archive has a RECORD, its SHA-256. */
import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { crc32 } from 'node:zlib';
import yauzl from 'yauzl';
import { InstallError, messageOf } from '../../errors.js';

export interface UnzipOptions {
  /** Path below the target for an entry, or null to leave it out. */
  place: (entry: string) => string | null;
  /** Told before anything is written how many bytes will be. */
  onSize?: (bytes: number) => Promise<void>;
  onProgress?: (doneBytes: number, totalBytes: number) => void;
  signal?: AbortSignal | undefined;
}

interface Wanted {
  entry: yauzl.Entry;
  path: string;
}

/**
 * Unpacks the entries of `archive` that `options.place` gives a place below `target`.
 * @throws InstallError where the archive cannot be read or a file in it is damaged.
 */
export async function unzip(archive: string, target: string, options: UnzipOptions): Promise<void> {
  // The library refuses names that lead out of the target.
  const zip = await yauzl.openPromise(archive, { autoClose: false }).catch((error: unknown) => {
    throw damaged(archive, messageOf(error), error);
  });
  try {
    const { wanted, hashes } = await list(zip, archive, options);
    const total = wanted.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
    await options.onSize?.(total);
    let done = 0;
    for (const { entry, path } of wanted) {
      options.signal?.throwIfAborted();
      const file = join(target, path);
      await mkdir(dirname(file), { recursive: true });
      const check = new Checksum(entry.crc32, hashes.get(entry.fileName), (bytes) => {
        done += bytes;
        options.onProgress?.(done, total);
      });
      try {
        await pipeline(await zip.openReadStreamPromise(entry), check, createWriteStream(file), {
          ...(options.signal && { signal: options.signal }),
        });
      } catch (error) {
        options.signal?.throwIfAborted();
        if (isDiskError(error)) throw new InstallError(`cannot write ${file}: ${messageOf(error)}`, { cause: error });
        throw damaged(archive, `${entry.fileName}: ${messageOf(error)}`, error);
      }
    }
  } finally {
    zip.close();
  }
}

async function list(
  zip: yauzl.ZipFile,
  archive: string,
  options: UnzipOptions,
): Promise<{ wanted: Wanted[]; hashes: Map<string, string> }> {
  const wanted: Wanted[] = [];
  let hashes = new Map<string, string>();
  try {
    for await (const entry of zip.eachEntry()) {
      if (entry.fileName.endsWith('/')) continue;
      if (/^[^/]+\.dist-info\/RECORD$/.test(entry.fileName)) {
        hashes = parseRecord(await text(await zip.openReadStreamPromise(entry)));
      }
      const path = options.place(entry.fileName);
      if (path !== null) wanted.push({ entry, path });
    }
  } catch (error) {
    throw damaged(archive, messageOf(error), error);
  }
  return { wanted, hashes };
}

/** A wheel's RECORD: lines of `path,sha256=BASE64URL,size`; paths with commas are quoted, and none matters here. */
function parseRecord(record: string): Map<string, string> {
  const hashes = new Map<string, string>();
  for (const line of record.split('\n')) {
    const match = /^([^",]+),sha256=([\w-]+),/.exec(line);
    if (match !== null) hashes.set(match[1], match[2]);
  }
  return hashes;
}

/** Passes bytes through and fails at the end where they are not what the archive promised. */
class Checksum extends Transform {
  private crc = 0;
  private readonly hash = createHash('sha256');

  constructor(
    private readonly expectedCrc: number,
    private readonly expectedHash: string | undefined,
    private readonly onBytes: (count: number) => void,
  ) {
    super();
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, callback: (error: null, chunk: Buffer) => void): void {
    this.crc = crc32(chunk, this.crc);
    if (this.expectedHash !== undefined) this.hash.update(chunk);
    this.onBytes(chunk.length);
    callback(null, chunk);
  }

  override _flush(callback: (error?: Error) => void): void {
    if (this.crc !== this.expectedCrc) callback(new Error('wrong CRC'));
    else if (this.expectedHash !== undefined && this.hash.digest('base64url') !== this.expectedHash) {
      callback(new Error('wrong SHA-256'));
    } else callback();
  }
}

function isDiskError(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EACCES', 'EROFS', 'EIO'].includes((error as NodeJS.ErrnoException).code ?? '');
}

function damaged(archive: string, reason: string, cause: unknown): InstallError {
  return new InstallError(`${archive} is damaged (${reason}); delete it and install again`, { cause });
}
