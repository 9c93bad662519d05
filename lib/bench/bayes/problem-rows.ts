/**
 * Our optimizer and Optuna's on the same problems, in turn, with as many initial points and evaluations. Where the
 * points are differs: Sobol points here, random ones there.
 */
import { InternalError } from '../../errors.js';
import { BayesianOptimizer, type Strategy } from '../../bayes/index.js';
import { BaselineError } from '../python-baseline.js';
import { measureEach } from '../seeds.js';
import { median, missingRow, rowOf } from '../statistics.js';
import type { BenchRow } from '../types.js';
import type { OptunaBaseline } from './optuna.js';
import type { Problem } from './problems.js';

interface Search {
  /** How the last suggestion was searched for. */
  strategy: Strategy | null;
  /** Best feasible value found, over the optimum; Infinity where nothing feasible was found. */
  regret: number;
  seconds: number;
}

/** The rows of one problem and the ratio of the two times; the baseline's are left out where there is none. */
export interface ProblemComparison {
  rows: BenchRow[];
  /** Optuna's time over ours, seed by seed; the median. */
  timeRatio: number | null;
}

/** @throws AbortedError between two searches; InternalError where the two sides' problems differ. */
export async function compareOn(
  problem: Problem,
  seeds: readonly number[],
  baseline: OptunaBaseline | null,
  signal: AbortSignal | undefined,
): Promise<ProblemComparison> {
  const theirs: Search[] = [];
  const failures: string[] = [];
  const ours = await measureEach(
    seeds,
    async (seed) => {
      const found = searchOurs(problem, seed);
      if (baseline === null || failures.length > 0) return found;
      try {
        theirs.push(await searchTheirs(problem, seed, baseline));
      } catch (error) {
        if (!(error instanceof BaselineError)) throw error;
        failures.push(error.reason);
      }
      return found;
    },
    signal,
  );
  const name = `${problem.name} (${problem.evaluations})`;
  const local = ours.some(({ strategy }) => strategy === 'trust-region');
  const rows = [rowFor(local ? `${name}, trust region` : name, ours)];
  const { published, optimum } = problem;
  if (published !== null) {
    rows.push(rowOf(`${name} as published: ${published.by}`, 'regret', 'low', [published.objective - optimum]));
  }
  for (const reason of failures) rows.push(missingRow(`${name} optuna`, 'regret', reason));
  if (failures.length > 0 || theirs.length === 0) return { rows, timeRatio: null };
  rows.push(rowFor(`${name} optuna`, theirs));
  return { rows, timeRatio: median(theirs.map(({ seconds }, index) => seconds / ours[index].seconds)) };
}

function searchOurs(problem: Problem, seed: number): Search {
  const start = performance.now();
  const optimizer = new BayesianOptimizer({ ...problem, seed });
  let best = Infinity;
  for (let i = 0; i < problem.evaluations; i++) {
    const [point] = optimizer.ask();
    const outcome = problem.evaluate(point);
    optimizer.tell(point, outcome);
    if (outcome.constraints.every((value) => value <= 0)) best = Math.min(best, outcome.objective);
  }
  const { strategy } = optimizer;
  return { regret: best - problem.optimum, seconds: (performance.now() - start) / 1000, strategy };
}

async function searchTheirs(problem: Problem, seed: number, baseline: OptunaBaseline): Promise<Search> {
  const { best, point, seconds } = await baseline.search(problem, seed);
  const check = point === null ? null : problem.evaluate(point).objective;
  if (best !== null && (check === null || Math.abs(check - best) > 1e-9)) {
    throw new InternalError(`${problem.name} is not the same function in problems.ts and optuna_baseline.py`);
  }
  return { regret: (best ?? Infinity) - problem.optimum, seconds, strategy: null };
}

function rowFor(name: string, searches: readonly Search[]): BenchRow {
  const regrets = searches.map(({ regret }) => regret);
  return rowOf(name, 'regret', 'low', regrets, secondsOf(searches));
}

function secondsOf(searches: readonly Search[]): number[] {
  return searches.map(({ seconds }) => seconds);
}
