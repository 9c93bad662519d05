/** What a process prints: JSON objects on standard output, a line each, and words for people on standard error. */
import type { ChildProcessByStdio } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

/** Characters of standard error that are kept, from its end. */
const KEPT = 4096;
/** After the end of the process its last words arrive within this. */
const DRAIN_MS = 500;

export class ProcessOutput {
  readonly #lines: AsyncIterator<string>;
  readonly #ended: Promise<void>;
  #words = '';
  /** How it ended, where its words do not tell. */
  #end = '';

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#words = (this.#words + text).slice(-KEPT);
    });
    this.#ended = new Promise((resolve) => {
      child.on('error', ({ message }) => {
        this.#end = `it cannot be started: ${message}`;
        resolve();
      });
      child.on('exit', (status, signal) => {
        this.#end = `it ended without a word (${signal ?? `status ${String(status)}`}); it may have run out of memory`;
        // Processes of its own may keep its standard error open for longer than anybody wants to wait.
        setTimeout(resolve, DRAIN_MS);
      });
      child.on('close', () => resolve());
    });
  }

  /** The next object, null once there are no more. What a wrapper of the program prints between them is passed over. */
  async nextObject(): Promise<Record<string, unknown> | null> {
    for (;;) {
      const line = await this.#lines.next();
      if (line.done === true) return null;
      const object = objectIn(line.value);
      if (object !== null) return object;
    }
  }

  /** The last line of standard error once the process has ended, or how it ended where it said nothing. */
  async lastWords(): Promise<string> {
    await this.#ended;
    return this.#words.trim().split('\n').at(-1) || this.#end;
  }
}

function objectIn(line: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null;
  } catch {
    return null;
  }
}
