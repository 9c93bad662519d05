/**
 * `bench bayes`: the optimizer on functions with known minima, beside Optuna's GPSampler where a Python has it; forgetting on a
 * drifting problem; noise; a pruning problem with a formula; and the time of one suggestion.
 */
import { describeMachine } from '../machine.js';
import { BaselineError } from '../python-baseline.js';
import { measureEach } from '../seeds.js';
import { missingRow, rowOf } from '../statistics.js';
import type { BenchReport, BenchRow, RowListener } from '../types.js';
import { FORGETTING, searchDrifting, searchDriftingTheirs } from './drift.js';
import { searchNoisy, searchNoisyTheirs } from './noise.js';
import { OptunaBaseline, THREADS } from './optuna.js';
import { compareOn } from './problem-rows.js';
import { PROBLEMS } from './problems.js';
import { PRUNING_SEARCHES } from './pruning.js';
import { slowestSuggestion } from './suggestion-time.js';

export const BAYES_PARTS = ['problems', 'noise', 'drift', 'pruning', 'speed'] as const;
export type BayesPart = (typeof BAYES_PARTS)[number];

/** Parts that Optuna is run in, too. */
const BESIDE_OPTUNA: readonly BayesPart[] = ['problems', 'noise', 'drift'];

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

/** What the parts of a run share. */
interface Bench {
  options: BenchBayesOptions;
  seeds: readonly number[];
  baseline: OptunaBaseline | null;
  add: RowListener;
  ratios: Record<string, number>;
}

/** @throws AbortedError when the signal fires: between two seeds, or during one of Optuna's. */
export async function benchBayes(options: BenchBayesOptions): Promise<BenchReport> {
  const { parts } = options;
  const rows: BenchRow[] = [];
  const add = (row: BenchRow): void => {
    rows.push(row);
    options.onRow?.(row);
  };
  const baseline = parts.some((part) => BESIDE_OPTUNA.includes(part)) ? await startBaseline(options, add) : null;
  const seeds = Array.from({ length: options.seeds }, (_, index) => index + 1);
  const bench: Bench = { options, seeds, baseline, add, ratios: {} };
  try {
    for (const part of BAYES_PARTS) if (parts.includes(part)) await MEASURES[part](bench);
  } finally {
    baseline?.stop();
  }
  return { rows, ratios: bench.ratios, machine: describeMachine(baseline?.versions ?? null, THREADS) };
}

const MEASURES: Record<BayesPart, (bench: Bench) => Promise<void>> = {
  problems: async ({ options, seeds, baseline, add, ratios }) => {
    for (const problem of PROBLEMS.filter(({ name }) => options.problems?.includes(name) ?? true)) {
      const { rows, timeRatio } = await compareOn(problem, seeds, baseline, options.signal);
      rows.forEach(add);
      if (timeRatio !== null) ratios[`${problem.name}: optuna's time over ours`] = timeRatio;
    }
  },
  noise: async (bench) => {
    const { baseline } = bench;
    for (const told of [true, false]) {
      const name = `noisy hartmann6 (100), noise ${told ? 'told' : 'learned'}`;
      await addRow(bench, name, 'regret', 'low', (seed) => searchNoisy(seed, told));
    }
    if (baseline === null) return;
    await addRow(bench, 'noisy hartmann6 (100) optuna', 'regret', 'low', (seed) => searchNoisyTheirs(seed, baseline));
  },
  drift: async (bench) => {
    const { baseline } = bench;
    for (const forgetting of FORGETTING) {
      const name = `drifting hartmann6, forgetting ${forgetting}`;
      await addRow(bench, name, 'regret', 'low', (seed) => searchDrifting(forgetting, seed));
    }
    if (baseline === null) return;
    for (const reset of [true, false]) {
      const name = `drifting hartmann6 optuna, ${reset ? 'a study a round' : 'one study'}`;
      await addRow(bench, name, 'regret', 'low', (seed) => searchDriftingTheirs(reset, seed, baseline));
    }
  },
  pruning: async (bench) => {
    for (const { name, search } of PRUNING_SEARCHES) await addRow(bench, name, 'share', 'high', search);
  },
  speed: async ({ options, seeds, add }) => {
    for (const [count, dimensions] of TIMED_SIZES) {
      const measure = (seed: number): number => slowestSuggestion(count, dimensions, seed);
      const seconds = await measureEach(seeds.slice(0, 5), measure, options.signal);
      add(rowOf(`slowest suggestion, n = ${count}, d = ${dimensions}`, 'seconds', 'low', seconds));
    }
  },
};

/** Adds the row of one search, run for every seed; where Optuna's process fails, a row that says so. */
async function addRow(
  { options, seeds, add }: Bench,
  name: string,
  unit: string,
  better: 'low' | 'high',
  search: (seed: number) => number | Promise<number>,
): Promise<void> {
  try {
    add(rowOf(name, unit, better, await measureEach(seeds, search, options.signal)));
  } catch (error) {
    if (!(error instanceof BaselineError)) throw error;
    add(missingRow(name, unit, error.reason));
  }
}

async function startBaseline(
  { python, signal, onNote }: BenchBayesOptions,
  add: RowListener,
): Promise<OptunaBaseline | null> {
  if (python === null) return null;
  const baseline = await OptunaBaseline.start(python, signal);
  if (typeof baseline !== 'string') return baseline;
  const reason = `no optuna in ${python} (${baseline})`;
  onNote?.(`${reason}: only this package is measured; --python PATH names a Python that has it`);
  add(missingRow('optuna', 'regret', reason));
  return null;
}
