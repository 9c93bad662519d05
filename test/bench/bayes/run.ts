/**
 * `npm run bench:bayes`: this package's optimizer and Optuna's GPSampler in one run, in turn, on the same problems with the
 * same numbers of initial points and evaluations; then forgetting on a drifting problem, the pruning toy, and the time of
 * one suggestion. Options: --seeds N, --problems a,b, --parts problems,noise,drift,pruning,speed, --python PATH,
 * --no-optuna, --json.
 */
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { BayesianOptimizer } from '../../../lib/bayes/index.js';
import { Random } from '../../../lib/bayes/rng.js';
import { FORGETTING, searchDrifting } from './drift.js';
import { OptunaBaseline } from './optuna.js';
import { hartmann6, PROBLEMS } from './problems.js';
import type { Problem } from './problems.js';
import { comparePruning } from './pruning.js';

interface Row {
  name: string;
  median: number;
  worst: number;
  medianSeconds: number | null;
  values: number[];
}

const { values: options } = parseArgs({
  options: {
    seeds: { type: 'string', default: '10' },
    problems: { type: 'string' },
    parts: { type: 'string', default: 'problems,noise,drift,pruning,speed' },
    python: { type: 'string', default: process.env.FINEPUNE_PYTHON ?? 'python3' },
    'no-optuna': { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});

const seeds = Array.from({ length: Number(options.seeds) }, (_, index) => index + 1);
const parts = options.parts.split(',');
const rows: Row[] = [];
const ratios: Record<string, number> = {};

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

function report(name: string, values: number[], seconds: number[] | null, worst: 'high' | 'low' = 'high'): void {
  const row: Row = {
    name,
    median: median(values),
    worst: worst === 'high' ? Math.max(...values) : Math.min(...values),
    medianSeconds: seconds && median(seconds),
    values,
  };
  rows.push(row);
  if (options.json) return;
  const show = (value: number): string => value.toPrecision(3).padStart(10);
  const time = row.medianSeconds === null ? '' : `${row.medianSeconds.toFixed(2).padStart(9)} s`;
  console.log(`${name.padEnd(38)}${show(row.median)}${show(row.worst)}${time}`);
}

function searchOurs(problem: Problem, seed: number): { regret: number; seconds: number } {
  const start = performance.now();
  const optimizer = new BayesianOptimizer({ ...problem, seed });
  let best = Infinity;
  for (let i = 0; i < problem.evaluations; i++) {
    const [point] = optimizer.ask();
    const outcome = problem.evaluate(point);
    optimizer.tell(point, outcome);
    if (outcome.constraints.every((value) => value <= 0)) best = Math.min(best, outcome.objective);
  }
  return { regret: best - problem.optimum, seconds: (performance.now() - start) / 1000 };
}

async function compareProblems(baseline: OptunaBaseline | null): Promise<void> {
  for (const problem of PROBLEMS) {
    if (options.problems && !options.problems.split(',').includes(problem.name)) continue;
    const ours: { regret: number; seconds: number }[] = [];
    const theirs: { regret: number; seconds: number }[] = [];
    for (const seed of seeds) {
      ours.push(searchOurs(problem, seed));
      if (!baseline) continue;
      const result = await baseline.search(problem, seed);
      const check = result.point ? problem.evaluate(result.point).objective : Infinity;
      if (result.best !== null && Math.abs(check - result.best) > 1e-9) {
        throw new Error(`${problem.name} is not the same function in problems.ts and optuna_baseline.py`);
      }
      theirs.push({ regret: (result.best ?? Infinity) - problem.optimum, seconds: result.seconds });
    }
    const split = (runs: typeof ours): [number[], number[]] => [runs.map((r) => r.regret), runs.map((r) => r.seconds)];
    report(`${problem.name} (${problem.evaluations})`, ...split(ours));
    if (!baseline) continue;
    report(`${problem.name} (${problem.evaluations}) optuna`, ...split(theirs));
    ratios[`${problem.name}: optuna's time over ours`] =
      median(theirs.map((r) => r.seconds)) / median(ours.map((r) => r.seconds));
  }
}

/** Hartmann-6 with noise of deviation 0.1, told or not: true regret of the point the optimizer itself calls the best. */
function compareNoise(): void {
  for (const told of [true, false]) {
    const regrets = seeds.map((seed) => {
      const random = new Random(seed);
      const optimizer = new BayesianOptimizer({ dimensions: 6, seed, initial: 10 });
      for (let i = 0; i < 100; i++) {
        const [point] = optimizer.ask();
        const objective = hartmann6(point) + 0.1 * random.normal();
        optimizer.tell(point, told ? { objective, noiseVariance: 0.01 } : { objective });
      }
      return hartmann6(optimizer.best()?.point ?? []) + 3.322368011415515;
    });
    report(`hartmann6 noise 0.1 (100), ${told ? 'told' : 'learned'}`, regrets, null);
  }
}

/** Seconds of one suggestion with everything fitted anew. */
function measureSpeed(): void {
  for (const [count, dimensions] of [
    [50, 8],
    [200, 8],
    [500, 8],
    [500, 20],
  ]) {
    const seconds = seeds.slice(0, 5).map((seed) => {
      const random = new Random(seed);
      const optimizer = new BayesianOptimizer({ dimensions, seed });
      let slowest = 0;
      for (let i = 0; i < count + 20; i++) {
        const point = Array.from({ length: dimensions }, () => random.uniform());
        optimizer.tell(point, { objective: hartmann6(point) });
        if (i < count - 5) continue;
        const start = performance.now();
        optimizer.ask();
        optimizer.state();
        // The first suggestion fits from nothing; a running search starts from the fit before.
        if (i >= count) slowest = Math.max(slowest, (performance.now() - start) / 1000);
      }
      return slowest;
    });
    report(`slowest suggestion, n = ${count}, d = ${dimensions} [s]`, seconds, null);
  }
}

const needsOptuna = parts.includes('problems') && !options['no-optuna'];
const baseline = needsOptuna ? await OptunaBaseline.start(options.python) : null;
if (needsOptuna && !baseline) {
  console.error(
    `No optuna in ${options.python}: only this package is measured; give --python PATH of one that has it.`,
  );
}
if (!options.json) console.log(`${''.padEnd(38)}    median     worst   seconds`);
if (parts.includes('problems')) await compareProblems(baseline);
if (parts.includes('noise')) compareNoise();
if (parts.includes('drift')) {
  for (const forgetting of FORGETTING) {
    const values = seeds.map((seed) => searchDrifting(forgetting, seed));
    report(`drifting hartmann6, forgetting ${forgetting}`, values, null);
  }
}
if (parts.includes('pruning')) {
  for (const { name, values } of comparePruning(seeds)) report(name, values, null, 'low');
}
if (parts.includes('speed')) measureSpeed();
baseline?.stop();
if (options.json) {
  const machine = {
    cpu: cpus()[0].model,
    cores: cpus().length,
    node: process.version,
    optuna: baseline?.versions ?? null,
  };
  console.log(JSON.stringify({ rows, ratios, machine }));
}
