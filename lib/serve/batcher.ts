/** Puts images of concurrent calls together: one batch at a time runs, and what arrives meanwhile forms the next. */

import { AbortedError, DisposedError } from '../errors.js';
import { AbortGroups } from './abort-groups.js';
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
  signal: AbortSignal | undefined;
  since: number;
  resolve: (logits: Float32Array) => void;
  reject: (reason: unknown) => void;
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
  readonly #stoppable = new AbortGroups<Waiting<Image>>((signal, images) => this.#stop(signal, images));
  #waiting: Waiting<Image>[] = [];
  #running: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #hurried = false;
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
      const waiting: Waiting<Image> = { image, signal, since: performance.now(), resolve, reject };
      if (signal !== undefined) this.#stoppable.add(signal, waiting);
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  /** From now on no image waits for others: its batch runs as soon as none is running. */
  hurry(): void {
    this.#hurried = true;
    this.#next();
  }

  /** Runs what waits, then refuses more; resolves when nothing runs any longer. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#hurried = true;
    while (this.#waiting.length > 0 || this.#running !== undefined) {
      this.#next();
      await this.#running;
    }
  }

  /** Gives up the images of a signal that fired, all of them before the next batch is chosen. */
  #stop(signal: AbortSignal, images: ReadonlySet<Waiting<Image>>): void {
    this.#waiting = this.#waiting.filter((waiting) => !images.has(waiting));
    for (const { reject } of images) reject(aborted(signal));
    this.#next();
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
    if (this.#waiting.length < maxBatch && left > 0 && !this.#hurried) {
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
      for (const image of batch) if (image.signal !== undefined) this.#stoppable.remove(image.signal, image);
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
