/** When a checkpoint is worth its time. */

/** Share of the time that writing checkpoints may take at most. */
const LARGEST_SHARE = 0.05;
/** Seconds between checkpoints in the middle of a stage at least. */
const STAGE_SECONDS = 30;

/**
 * Keeps writing checkpoints to a small share of a run. A large network on a GPU trains a whole stage in less time than its
 * tensors take to be written: whatever was done since the last checkpoint is then sooner done again than saved.
 */
export class CheckpointClock {
  readonly #now: () => number;
  #startedAt: number;
  /** Seconds that writing the last one took. */
  #cost = 0;

  /** @param now seconds, of a clock that never goes back. */
  constructor(now: () => number = () => performance.now() / 1000) {
    this.#now = now;
    this.#startedAt = now();
  }

  /** Whether the end of a stage is to be saved: at once where nothing was saved before. */
  isDueAtStageEnd(): boolean {
    return this.#elapsed() >= this.#cost / LARGEST_SHARE;
  }

  /** Whether to save in the middle of a stage. */
  isDueInStage(): boolean {
    return this.#elapsed() >= STAGE_SECONDS && this.isDueAtStageEnd();
  }

  /** Writes one, and counts from its end on. */
  async time(write: () => Promise<void>): Promise<void> {
    const begin = this.#now();
    await write();
    this.#startedAt = this.#now();
    this.#cost = this.#startedAt - begin;
  }

  #elapsed(): number {
    return this.#now() - this.#startedAt;
  }
}
