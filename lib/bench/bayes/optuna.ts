/** A Python process that runs Optuna's GPSampler on request. */
import { PythonBaseline } from '../python-baseline.js';
import type { Problem } from './problems.js';

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

  /** Starts `python`, on one thread as ours; null where it is missing or has no optuna. */
  static async start(python: string): Promise<OptunaBaseline | null> {
    const process = await PythonBaseline.start({ python, script: 'bayes/optuna_baseline.py', threads: 1 });
    return process === null ? null : new OptunaBaseline(process);
  }

  /** @throws InternalError where the process fails. */
  search(problem: Problem, seed: number): Promise<OptunaResult> {
    const { name, evaluations, initial } = problem;
    return this.process.ask({ problem: name, seed, evaluations, initial });
  }

  stop(): void {
    this.process[Symbol.dispose]();
  }
}
