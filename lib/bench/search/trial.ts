/** One search under way: what it tried, the smallest network within the limit so far, and what that cost. */
import type { Objective, Score } from '../../tuner/objective.js';
import type { SearchSpace } from '../../tuner/search-space.js';

export class Trial {
  /** Error a candidate may have, share of the tune images. */
  readonly limit: number;
  /** Compression of the smallest network within the limit after each evaluation; 1 before the first. */
  readonly trace: number[] = [];
  /** Thresholds of that network, layer name -> t; none: the dense network. */
  thresholds: Record<string, number> = {};
  /** Tune images read. */
  imagesRead = 0;
  readonly #objective: Objective;
  readonly #racing: boolean;
  readonly #signal: AbortSignal | undefined;

  /** @param racing whether hopeless candidates stop before all tune images are read. */
  constructor(objective: Objective, limit: number, racing: boolean, signal: AbortSignal | undefined) {
    this.limit = limit;
    this.#objective = objective;
    this.#racing = racing;
    this.#signal = signal;
  }

  get space(): SearchSpace {
    return this.#objective.space;
  }

  get evaluations(): number {
    return this.trace.length;
  }

  get compression(): number {
    return this.trace.at(-1) ?? 1;
  }

  /** Scores thresholds and remembers them if they are the best within the limit. */
  async score(thresholds: Record<string, number>): Promise<Score & { feasible: boolean }> {
    const score = await this.#objective.scoreThresholds(thresholds, this.#racing ? this.limit : 1, this.#signal);
    const feasible = score.error <= this.limit;
    this.imagesRead += score.images;
    const better = feasible && score.compression > this.compression;
    if (better) this.thresholds = thresholds;
    this.trace.push(better ? score.compression : this.compression);
    return { ...score, feasible };
  }
}

/** A way to search: calls `trial.score` until it has nothing left to try or `evaluations` are used up. */
export type SearchMethod = (trial: Trial, evaluations: number, seed: number) => Promise<void>;
