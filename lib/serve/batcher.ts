/** Puts images of concurrent calls together: one batch at a time runs, and what arrives meanwhile forms the next. */

import { AbortedError, DisposedError } from '../errors.js';
import type { ServeMeter } from './metrics.js';

/** Logits of `images`, in their order. */
export type RunBatch<Image> = (images: readonly Image[]) => Promise<Float32Array[]>;

export interface BatcherOptions {
  /** Most images of a batch. */
  maxBatch: number;
  /** Milliseconds that an image waits for others before a batch that is not full runs. */
  maxDelay: number;
}

interface Waiting<Image> {
  image: Image;
  since: number;
  resolve: (logits: Float32Array) => void;
  reject: (reason: unknown) => void;
  /** Takes the listener off the caller's signal. */
  release: () => void;
}

/**
 * @example
 * const batcher = new Batcher(run, { maxBatch: 32, maxDelay: 2 }, meter);
 * const logits = await batcher.add(pixels, signal);
 */
export class Batcher<Image> {
  readonly #run: RunBatch<Image>;
  readonly #options: BatcherOptions;
  readonly #meter: ServeMeter;
  readonly #waiting: Waiting<Image>[] = [];
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(run: RunBatch<Image>, options: BatcherOptions, meter: ServeMeter) {
    this.#run = run;
    this.#options = options;
    this.#meter = meter;
  }

  /** Images that wait for a batch. */
  get length(): number {
    return this.#waiting.length;
  }

  /**
   * Logits of one image. An aborted image leaves the queue; one that is already computed is no longer stopped.
   *
   * @throws AbortedError the signal; DisposedError after close; whatever the batch's run throws
   */
  add(image: Image, signal?: AbortSignal): Promise<Float32Array> {
    if (this.#closed) return Promise.reject(disposed());
    if (signal?.aborted) return Promise.reject(aborted(signal));
    return new Promise((resolve, reject) => {
      const waiting: Waiting<Image> = { image, since: performance.now(), resolve, reject, release: () => undefined };
      if (signal !== undefined) {
        const stop = () => {
          const place = this.#waiting.indexOf(waiting);
          if (place >= 0) this.#waiting.splice(place, 1);
          reject(aborted(signal));
          this.#next();
        };
        signal.addEventListener('abort', stop, { once: true });
        waiting.release = () => signal.removeEventListener('abort', stop);
      }
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  /** Runs what waits, then refuses more; resolves when nothing runs any longer. */
  async close(): Promise<void> {
    this.#closed = true;
    while (this.#waiting.length > 0 || this.#running !== undefined) {
      this.#next();
      await this.#running;
    }
  }

  #next(): void {
    if (this.#running !== undefined) return;
    const first = this.#waiting.at(0);
    if (first === undefined) {
      this.#stopTimer();
      return;
    }
    const { maxBatch, maxDelay } = this.#options;
    const left = first.since + maxDelay - performance.now();
    if (this.#waiting.length < maxBatch && left > 0 && !this.#closed) {
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#next();
      }, left);
      return;
    }
    this.#stopTimer();
    this.#running = this.#runBatch(this.#waiting.splice(0, maxBatch)).finally(() => {
      this.#running = undefined;
      this.#next();
    });
  }

  /** One that outlives its images would keep the process alive. */
  #stopTimer(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  async #runBatch(batch: Waiting<Image>[]): Promise<void> {
    try {
      const logits = await this.#run(batch.map(({ image }) => image));
      const now = performance.now();
      this.#meter.batch(batch.map(({ since }) => now - since));
      batch.forEach(({ resolve }, index) => resolve(logits[index]));
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      for (const { release } of batch) release();
    }
  }
}

/** What a call rejects with that its signal stops. */
export function aborted(signal: AbortSignal): AbortedError {
  return new AbortedError('stopped while classifying', { cause: signal.reason });
}

function disposed(): DisposedError {
  return new DisposedError('the model was disposed; load it again with loadModel');
}
