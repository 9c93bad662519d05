/** An append-only file of JSON lines, each synced before the append returns; a torn last line is forgiven. */
import { closeSync, existsSync, fsyncSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from 'node:fs';
import { FileError, RunError, messageOf } from '../errors.js';

const NEWLINE = 0x0a;

/** A writer of one journal; reading is static because the report reads runs it does not own. */
export class JsonLinesFile {
  readonly path: string;
  #descriptor: number;
  #length: number;

  /**
   * Opens (or creates) the file for appending.
   * @param length bytes to keep, what follows is cut off: the state a checkpoint remembers. All where absent, less a torn line.
   * @throws FileError where the file cannot be opened.
   */
  constructor(path: string, length?: number) {
    this.path = path;
    const keep = Math.min(length ?? Infinity, existsSync(path) ? wholeLines(path) : 0);
    let descriptor: number | null = null;
    try {
      descriptor = openSync(path, existsSync(path) ? 'r+' : 'w+');
      ftruncateSync(descriptor, keep);
    } catch (error) {
      if (descriptor !== null) closeSync(descriptor);
      throw new FileError(`cannot write ${path}: ${messageOf(error)}`, path, { cause: error });
    }
    this.#descriptor = descriptor;
    this.#length = keep;
  }

  /** Bytes of whole lines written. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends one value as a line and syncs it.
   * @throws FileError, e.g. on a full disk; the part of the line that got through is cut off again.
   */
  append(value: object): void {
    const line = Buffer.from(`${JSON.stringify(value)}\n`);
    try {
      let written = 0;
      while (written < line.length) {
        written += writeSync(this.#descriptor, line, written, line.length - written, this.#length + written);
      }
      fsyncSync(this.#descriptor);
    } catch (error) {
      this.#cutOff();
      throw new FileError(
        `cannot write ${this.path}: ${messageOf(error)}; free some space and resume the run`,
        this.path,
        {
          cause: error,
        },
      );
    }
    this.#length += line.length;
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Takes a part of a line away. Where that fails too, readers leave it out, and the error that came first is the one to tell. */
  #cutOff(): void {
    try {
      ftruncateSync(this.#descriptor, this.#length);
    } catch {
      // Told by the caller.
    }
  }

  /**
   * The values of a file, from byte `start` on; an unfinished last line is left out.
   * @throws RunError naming the line that is no JSON object.
   */
  static read(path: string, start = 0): Record<string, unknown>[] {
    if (!existsSync(path)) return [];
    const bytes = readFileSync(path);
    const before = bytes.subarray(0, start).toString('latin1').split('\n').length - 1;
    return bytes
      .subarray(start, bytes.lastIndexOf(NEWLINE) + 1)
      .toString('utf8')
      .split('\n')
      .flatMap((line, index) => (line.length > 0 ? [parseLine(line, path, before + index + 1)] : []));
  }
}

function parseLine(line: string, path: string, number: number): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Named below with its line.
  }
  throw new RunError(
    `${path}: line ${number} is not a JSON object; the run cannot be continued from a damaged journal`,
  );
}

/** Bytes up to and with the last newline. */
function wholeLines(path: string): number {
  if (statSync(path).size === 0) return 0;
  return readFileSync(path).lastIndexOf(NEWLINE) + 1;
}
