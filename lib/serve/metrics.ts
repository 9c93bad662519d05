/** What a service wants to know of a model at work. */

/** Of the last images classified, up to 4,096 of them. */
export interface ServeMetrics {
  /** Images waiting for a batch. */
  queueLength: number;
  /** Images classified, and batches they ran in, since the model was loaded. */
  images: number;
  batches: number;
  /** How many batches had how many images, since the model was loaded. */
  batchSizes: Record<number, number>;
  /** Milliseconds from an image's entering the queue, decoded, to its answer; NaN before the first. */
  latency: { p50: number; p90: number; p99: number };
}

/** Latencies kept. */
const WINDOW = 4096;

/** Counts batches and keeps the latest latencies in memory of a fixed size. */
export class ServeMeter {
  readonly #latencies = new Float64Array(WINDOW);
  readonly #batchSizes = new Map<number, number>();
  #images = 0;
  #batches = 0;

  /** @param latencies milliseconds, one an image of the batch. */
  batch(latencies: readonly number[]): void {
    for (const latency of latencies) {
      this.#latencies[this.#images % WINDOW] = latency;
      this.#images += 1;
    }
    this.#batches += 1;
    this.#batchSizes.set(latencies.length, (this.#batchSizes.get(latencies.length) ?? 0) + 1);
  }

  read(queueLength: number): ServeMetrics {
    const sorted = this.#latencies.slice(0, Math.min(this.#images, WINDOW)).sort();
    const quantile = (share: number) =>
      sorted.length === 0 ? Number.NaN : sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
    return {
      queueLength,
      images: this.#images,
      batches: this.#batches,
      batchSizes: Object.fromEntries([...this.#batchSizes].sort(([a], [b]) => a - b)),
      latency: { p50: quantile(0.5), p90: quantile(0.9), p99: quantile(0.99) },
    };
  }
}
