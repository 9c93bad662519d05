/** A file read at given places, with errors that name it. */
import fs from 'node:fs/promises';
import { FileError, messageOf, WeightsError } from '../errors.js';

/** Bytes asked of the system at a time. */
const CHUNK = 8 * 1024 * 1024;

/** An open file of a known size; nothing past its end is ever asked of the system. Close it when done. */
export class ByteFile {
  private constructor(
    readonly path: string,
    readonly size: number,
    private readonly handle: fs.FileHandle,
  ) {}

  /** @throws FileError where the file is missing, a folder, or not to be read. */
  static async open(path: string): Promise<ByteFile> {
    let handle: fs.FileHandle | undefined;
    try {
      handle = await fs.open(path, 'r');
      const status = await handle.stat();
      if (!status.isFile()) throw new FileError(`${path} is not a file; give the path of a weight file`, path);
      return new ByteFile(path, status.size, handle);
    } catch (error) {
      await handle?.close();
      if (error instanceof FileError) throw error;
      const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      const message = missing ? `no such file: ${path}; check the path` : `cannot read ${path}: ${messageOf(error)}`;
      throw new FileError(message, path, { cause: error });
    }
  }

  /** The system's number of the open file. */
  get descriptor(): number {
    return this.handle.fd;
  }

  /**
   * Fills `target` from `offset` on, a few megabytes at a time.
   *
   * @param onChunk called with each piece as it arrives.
   * @throws WeightsError where the file ends before.
   */
  async readInto(target: Uint8Array, offset: number, onChunk?: (chunk: Uint8Array) => void): Promise<void> {
    if (!(offset >= 0 && offset + target.length <= this.size)) this.cut(offset + target.length);
    for (let done = 0; done < target.length;) {
      const length = Math.min(CHUNK, target.length - done);
      const { bytesRead } = await this.handle.read(target, done, length, offset + done).catch((error: unknown) => {
        throw new FileError(`cannot read ${this.path}: ${messageOf(error)}`, this.path, { cause: error });
      });
      if (bytesRead === 0) this.cut(offset + target.length);
      onChunk?.(target.subarray(done, done + bytesRead));
      done += bytesRead;
    }
  }

  /** `length` bytes from `offset` on, in an array of their own. */
  async read(offset: number, length: number): Promise<Uint8Array> {
    // Looked at before anything is allocated: the length may come from a damaged file.
    if (!(offset >= 0 && length >= 0 && offset + length <= this.size)) this.cut(offset + length);
    const bytes = new Uint8Array(length);
    await this.readInto(bytes, offset);
    return bytes;
  }

  private cut(needed: number): never {
    throw new WeightsError(
      `${this.path}: cut off or damaged, ${needed} bytes are needed but it has ${this.size}; get the file again`,
    );
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}
