/** Where the entries of a zip archive lie. The directory is yauzl's to parse; the bytes are read through ByteFile. */
import yauzl from 'yauzl';
import { messageOf } from '../errors.js';
import type { ByteFile } from './byte-file.js';

export interface ZipEntry {
  /** First byte of its data in the file. */
  offset: number;
  /** Bytes of its data, uncompressed. */
  bytes: number;
  crc32: number;
  /** Whether the bytes in the file are the data itself. */
  plain: boolean;
}

/**
 * Hands yauzl bytes of the file and nothing beyond it: a damaged directory can ask for any position, and what yauzl
 * throws in a callback then would end the process.
 */
class CheckedReader extends yauzl.RandomAccessReader {
  /** Rejects where yauzl throws on what it has read. */
  readonly broken: Promise<never>;
  private break!: (reason: unknown) => void;

  constructor(private readonly file: ByteFile) {
    super();
    this.broken = new Promise<never>((_, reject) => (this.break = reject));
    // Looked at through a race only; without one waiting it is no unhandled rejection.
    this.broken.catch(() => {});
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null) => void,
  ): void {
    this.file
      .readInto(buffer.subarray(offset, offset + length), position)
      .then(
        () => callback(null),
        (error: unknown) => callback(error instanceof Error ? error : new Error(messageOf(error))),
      )
      .catch(this.break);
  }
}

async function list(reader: CheckedReader, size: number): Promise<Map<string, ZipEntry>> {
  const entries = new Map<string, ZipEntry>();
  const zip = await yauzl.fromRandomAccessReaderPromise(reader, size, { autoClose: false, lazyEntries: true });
  for await (const entry of zip.eachEntry()) {
    if (entries.has(entry.fileName)) throw new Error(`two entries ${entry.fileName}`);
    const { fileDataStart } = await zip.readLocalFileHeaderPromise(entry, { minimal: true });
    entries.set(entry.fileName, {
      offset: fileDataStart,
      bytes: entry.uncompressedSize,
      crc32: entry.crc32,
      plain: entry.compressionMethod === 0 && !entry.isEncrypted(),
    });
  }
  return entries;
}

/** The entries by name. @throws Error, of no particular kind, where the archive's directory is damaged. */
export async function zipEntries(file: ByteFile): Promise<Map<string, ZipEntry>> {
  const reader = new CheckedReader(file);
  return Promise.race([list(reader, file.size), reader.broken]);
}
