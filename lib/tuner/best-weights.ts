/** The best weights of a fine-tuning: in memory when they are found, in their file when there is a reason to write it. */
import { type WeightSource, type WeightTensor, copyWeights, saveWeights } from './checkpoint.js';

/**
 * An improvement may come every few steps, and a large network takes longer to write than those steps take: so it is copied,
 * as much again as the weights take in memory, and written with the next checkpoint or at the end of the stage.
 */
export class BestWeights {
  readonly #path: string;
  /** What the file lacks; null where it is up to date. */
  #unsaved: WeightTensor[] | null = null;

  constructor(path: string) {
    this.#path = path;
  }

  /** Copies the session's weights in the place of those before. */
  async take(session: WeightSource): Promise<void> {
    // Both copies at once would be one too many.
    this.#unsaved = null;
    this.#unsaved = await copyWeights(session);
  }

  /**
   * Brings the file up to date, where it is not, and lets go of the copy.
   * @throws FileError on a full disk or an unwritable folder; what stood there stays.
   */
  async save(): Promise<void> {
    if (this.#unsaved === null) return;
    await saveWeights(this.#path, this.#unsaved);
    this.#unsaved = null;
  }
}
