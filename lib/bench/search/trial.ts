/** One search under way: what it tried, the smallest network within the limit so far, and what that cost. */
import type { Objective, Score } from '../../tuner/objective.js';
import type { Race } from '../../tuner/race.js';
import type { SearchSpace } from '../../tuner/search-space.js';
import type { ReadCandidate } from './race-replay.js';

export class Trial {
  /** Error a candidate may have, share of the tune images. */
  readonly limit: number;
  /** Compression of the smallest network within the limit after each evaluation; 1 before the first. */
  readonly trace: number[] = [];
  /** Thresholds of that network, layer name -> t; none: the dense network. */
  thresholds: Record<string, number> = {};
  /** The candidates that were read on all images, in their order. */
  readonly readWhole: ReadCandidate[] = [];
  /** Tune images read. */
  imagesRead = 0;
  readonly #objective: Objective;
  readonly #race: Race | null;
  readonly #signal: AbortSignal | undefined;

  private constructor(objective: Objective, limit: number, race: Race | null, signal: AbortSignal | undefined) {
    this.limit = limit;
    this.#objective = objective;
    this.#race = race;
    this.#signal = signal;
    // What the candidates are compared with was read, too.
    if (race !== null) this.imagesRead += race.images;
  }

  /** @param racing whether a candidate is read only as far as it is worth (race.ts). */
  static async of(
    objective: Objective,
    { limit, racing, signal }: { limit: number; racing: boolean; signal: AbortSignal | undefined },
  ): Promise<Trial> {
    return new Trial(objective, limit, racing ? await objective.startRace(limit, signal) : null, signal);
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

  /** Scores thresholds and remembers them if they are the best within the limit on all images. */
  async score(thresholds: Record<string, number>): Promise<Score & { feasible: boolean }> {
    const score = await this.#objective.scoreThresholds(thresholds, this.#race, this.#signal);
    const feasible = score.error <= this.limit;
    this.imagesRead += score.images;
    const { compression, mistakes } = score;
    if (mistakes !== null) this.readWhole.push({ compression, mistakes });
    const better = feasible && mistakes !== null && compression > this.compression;
    if (better) this.thresholds = thresholds;
    this.trace.push(better ? compression : this.compression);
    return { ...score, feasible };
  }
}

/** A way to search: calls `trial.score` until it has nothing left to try or `evaluations` are used up. */
export type SearchMethod = (trial: Trial, evaluations: number, seed: number) => Promise<void>;
