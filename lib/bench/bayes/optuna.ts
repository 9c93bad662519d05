/** A Python process that runs Optuna's GPSampler on request. */
import { PythonBaseline } from '../python-baseline.js';
import type { Problem } from './problems.js';

/** Of both sides: our optimizer is JavaScript on one thread. */
export const THREADS = 1;

export interface OptunaResult {
  best: number | null;
  point: number[] | null;
  seconds: number;
}

export class OptunaBaseline {
  private constructor(private readonly process: PythonBaseline) {}

  /** Versions of the other side, by package. */
  get versions(): Record<string, string> {
    return this.process.versions;
  }

  /**
   * Starts `python`, on one thread as ours.
   * @returns in one line why there is none, where it is missing or has no optuna.
   * @throws AbortedError when the signal fires, which also ends the process.
   */
  static async start(python: string, signal: AbortSignal | undefined): Promise<OptunaBaseline | string> {
    const process = await PythonBaseline.start({
      python,
      script: 'bayes/optuna_baseline.py',
      threads: THREADS,
      signal,
    });
    return typeof process === 'string' ? process : new OptunaBaseline(process);
  }

  /** @throws BaselineError where the process fails. */
  search(problem: Problem, seed: number): Promise<OptunaResult> {
    const { name, evaluations, initial } = problem;
    return this.process.ask({ search: 'problem', problem: name, seed, evaluations, initial });
  }

  /**
   * Hartmann-6 with `noise` added, one value an evaluation; the point of the trial that Optuna calls the best.
   * @throws BaselineError where the process fails.
   */
  searchNoisy(request: { seed: number; initial: number; noise: readonly number[] }): Promise<{ point: number[] }> {
    return this.process.ask({ search: 'noisy', ...request });
  }

  /**
   * Hartmann-6 moved by `shifts`, one a round; the least value of each round. `initial`: random points of the first round, and of
   * each after it where it begins anew.
   * @throws BaselineError where the process fails.
   */
  searchDrifting(request: {
    seed: number;
    shifts: readonly number[][];
    evaluations: number;
    initial: readonly [number, number];
    reset: boolean;
  }): Promise<{ bests: number[] }> {
    return this.process.ask({ search: 'drifting', ...request });
  }

  stop(): void {
    this.process[Symbol.dispose]();
  }
}
