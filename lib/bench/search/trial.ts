/** One search under way: what it tried, the smallest network within the limit so far, and what that cost. */
import type { Objective, Score } from '../../tuner/objective.js';
import { smallestConfirmed } from '../../tuner/race.js';
import type { SearchSpace } from '../../tuner/search-space.js';

type Verdict = Score & { feasible: boolean };

export class Trial {
  /** Error a candidate may have, share of the tune images. */
  readonly limit: number;
  /** Tune images read. */
  imagesRead = 0;
  readonly #verdicts: Verdict[] = [];
  readonly #objective: Objective;
  readonly #racing: boolean;
  readonly #signal: AbortSignal | undefined;

  /** @param racing whether a candidate is read only until it is clear on which side of the limit it lies. */
  constructor(objective: Objective, limit: number, racing: boolean, signal: AbortSignal | undefined) {
    this.limit = limit;
    this.#objective = objective;
    this.#racing = racing;
    this.#signal = signal;
    // What the candidates are compared with is read too.
    if (racing) this.imagesRead += objective.images;
  }

  get space(): SearchSpace {
    return this.#objective.space;
  }

  get evaluations(): number {
    return this.#verdicts.length;
  }

  /** Scores thresholds, layer name -> t. */
  async score(thresholds: Record<string, number>): Promise<Verdict> {
    const verdict = await this.#read(thresholds, this.#racing ? this.limit : null);
    this.#verdicts.push(verdict);
    return verdict;
  }

  /** The smallest network within the limit on all images; null where there is none. Ends the trial. */
  async finish(): Promise<Score | null> {
    const best = await smallestConfirmed(this.#verdicts, this.#objective.images, async (candidate) => {
      const read = await this.#read(candidate.thresholds, null);
      this.#verdicts[this.#verdicts.indexOf(candidate)] = read;
      return read;
    });
    return best ?? null;
  }

  /** Compression of the smallest network found within the limit in the first `count` evaluations; 1 where there is none. */
  compressionAfter(count: number): number {
    const feasible = this.#verdicts.slice(0, count).filter((verdict) => verdict.feasible);
    return Math.max(1, ...feasible.map(({ compression }) => compression));
  }

  async #read(thresholds: Record<string, number>, limit: number | null): Promise<Verdict> {
    const score = await this.#objective.scoreThresholds(thresholds, limit, this.#signal);
    this.imagesRead += score.images;
    return { ...score, feasible: score.error <= this.limit };
  }
}

/** A way to search: calls `trial.score` until it has nothing left to try or `evaluations` are used up. */
export type SearchMethod = (trial: Trial, evaluations: number, seed: number) => Promise<void>;
