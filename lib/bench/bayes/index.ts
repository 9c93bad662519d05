/**
 * `bench bayes`: the optimizer on functions with known minima, beside Optuna's GPSampler where a Python has it; forgetting on a
 * drifting problem; noise; a pruning problem with a formula; and the time of one suggestion.
 */
import { describeMachine } from '../machine.js';
import { measureEach } from '../seeds.js';
import { rowOf } from '../statistics.js';
import type { BenchReport, BenchRow, RowListener } from '../types.js';
import { FORGETTING, searchDrifting } from './drift.js';
import { searchNoisy } from './noise.js';
import { OptunaBaseline } from './optuna.js';
import { compareOn } from './problem-rows.js';
import { PROBLEMS } from './problems.js';
import { PRUNING_SEARCHES } from './pruning.js';
import { slowestSuggestion } from './suggestion-time.js';

export const BAYES_PARTS = ['problems', 'noise', 'drift', 'pruning', 'speed'] as const;
export type BayesPart = (typeof BAYES_PARTS)[number];

/** Problems a caller can choose from. */
export const PROBLEM_NAMES: readonly string[] = PROBLEMS.map(({ name }) => name);

/** Observations and coordinates at which a suggestion is timed. */
const TIMED_SIZES = [
  [50, 8],
  [200, 8],
  [500, 8],
  [500, 20],
] as const;

export interface BenchBayesOptions {
  /** Seeds 1 to this. */
  seeds: number;
  parts: readonly BayesPart[];
  /** Names of problems; all where absent. */
  problems?: readonly string[] | undefined;
  /** Python that may have optuna; null to leave the baseline out. */
  python: string | null;
  signal?: AbortSignal | undefined;
  onRow?: RowListener | undefined;
  /** Told in one line what could not be measured. */
  onNote?: ((text: string) => void) | undefined;
}

/** @throws AbortedError when the signal fires, between two seeds. */
export async function benchBayes(options: BenchBayesOptions): Promise<BenchReport> {
  const { parts, signal } = options;
  const seeds = Array.from({ length: options.seeds }, (_, index) => index + 1);
  const rows: BenchRow[] = [];
  const ratios: Record<string, number> = {};
  const add = (row: BenchRow): void => {
    rows.push(row);
    options.onRow?.(row);
  };
  const baseline = parts.includes('problems') ? await startBaseline(options) : null;
  try {
    if (parts.includes('problems')) {
      for (const problem of PROBLEMS.filter(({ name }) => options.problems?.includes(name) ?? true)) {
        const { rows: found, timeRatio } = await compareOn(problem, seeds, baseline, signal);
        found.forEach(add);
        if (timeRatio !== null) ratios[`${problem.name}: optuna's time over ours`] = timeRatio;
      }
    }
  } finally {
    baseline?.stop();
  }
  const measure = (of: readonly number[], search: (seed: number) => number): Promise<number[]> =>
    measureEach(of, search, signal);
  if (parts.includes('noise')) {
    for (const told of [true, false]) {
      const regrets = await measure(seeds, (seed) => searchNoisy(seed, told));
      add(rowOf(`noisy hartmann6 (100), noise ${told ? 'told' : 'learned'}`, 'regret', 'low', regrets));
    }
  }
  if (parts.includes('drift')) {
    for (const forgetting of FORGETTING) {
      const regrets = await measure(seeds, (seed) => searchDrifting(forgetting, seed));
      add(rowOf(`drifting hartmann6, forgetting ${forgetting}`, 'regret', 'low', regrets));
    }
  }
  if (parts.includes('pruning')) {
    for (const { name, search } of PRUNING_SEARCHES) {
      add(rowOf(name, 'share', 'high', await measure(seeds, search)));
    }
  }
  if (parts.includes('speed')) {
    for (const [count, dimensions] of TIMED_SIZES) {
      const seconds = await measure(seeds.slice(0, 5), (seed) => slowestSuggestion(count, dimensions, seed));
      add(rowOf(`slowest suggestion, n = ${count}, d = ${dimensions}`, 'seconds', 'low', seconds));
    }
  }
  return { rows, ratios, machine: describeMachine(baseline?.versions ?? null) };
}

async function startBaseline({ python, onNote }: BenchBayesOptions): Promise<OptunaBaseline | null> {
  if (python === null) return null;
  const baseline = await OptunaBaseline.start(python);
  if (baseline === null) {
    onNote?.(`no optuna in ${python}: only this package is measured; --python PATH names a Python that has it`);
  }
  return baseline;
}
