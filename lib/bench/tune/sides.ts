/** One whole tuning by this package's command, and one by the Python script with the configuration the first one settled on. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { scanDataset } from '../../data/index.js';
import { RunError } from '../../errors.js';
import { loadSpec, withClasses } from '../../models/index.js';
import { packageRoot } from '../../native/package-root.js';
import { runPaths } from '../../run/run-directory.js';
import { acquireRunLock } from '../../run/run-lock.js';
import type { ProgressEvent, TuneConfig, TuneEvent } from '../../run/types.js';
import { type ProgramEvent, runProgram } from './run-process.js';
import type { TuneOutcome, TuneTask, TuneVariant } from './types.js';

/** Where one seed's runs go, and who is told. */
export interface SideOptions {
  task: TuneTask;
  seed: number;
  /** Folder of this seed. */
  folder: string;
  signal?: AbortSignal | undefined;
  onProgress?: ((event: ProgressEvent) => void) | undefined;
  onNote?: ((text: string) => void) | undefined;
}

/** Our run's folder within a seed's. */
function runFolder(folder: string): string {
  return join(folder, 'ours');
}

/**
 * Runs `tune` in a process of its own, images decoded anew. An unfinished run of before is thrown away: its time is lost.
 * @throws RunError where the run fails, or one of before is still under way: a benchmark that was killed leaves it behind.
 */
export async function tuneOurs(options: SideOptions): Promise<TuneOutcome> {
  const { task, seed, folder, signal } = options;
  const run = runFolder(folder);
  const cache = join(folder, 'cache');
  if (existsSync(run)) acquireRunLock(run);
  for (const path of [run, cache]) rmSync(path, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const config = join(folder, 'task.json');
  writeFileSync(config, JSON.stringify({ ...task, seed }));
  let result: Extract<TuneEvent, { event: 'done' }> | undefined;
  const total = await runProgram({
    name: `seed ${seed}: ours`,
    command: process.execPath,
    words: [join(packageRoot, 'bin', 'finepune-native.js'), 'tune', '--config', config, '--out', run, '--json'],
    environment: { FINEPUNE_CACHE: cache },
    signal,
    onEvent: (given: ProgramEvent) => {
      const event = given as unknown as TuneEvent;
      if (event.event === 'progress') options.onProgress?.({ ...event, task: `seed ${seed}, ours: ${event.task}` });
      if (event.event === 'done') result = event;
    },
  });
  rmSync(cache, { recursive: true, force: true });
  if (result === undefined) throw new RunError(`seed ${seed}: our run ended without a result`);
  const { accuracy, parameters, seconds, peakRssBytes } = result;
  return { accuracy, compression: parameters.compression, seconds: { ...seconds, total }, peakRssBytes };
}

/**
 * Runs the Python script with the budget, the defaults and the images of our run, which must have finished.
 * @throws RunError where the script fails or our run is gone.
 */
export async function tunePyTorch(python: string, variant: TuneVariant, options: SideOptions): Promise<TuneOutcome> {
  const { seed, folder, signal, onNote } = options;
  const config = configOf(runFolder(folder));
  const { data, weights, partial, model, split, threads } = config;
  const dataset = await scanDataset(data ?? '', { split, seed });
  const spec = withClasses(loadSpec(model), dataset.labels.length);
  const { fit, tune, test } = dataset;
  const path = join(folder, `${variant}.json`);
  writeFileSync(path, JSON.stringify({ variant, spec, weights, partial, config, parts: { fit, tune, test } }));
  let result: TuneOutcome | undefined;
  const name = `seed ${seed}: PyTorch, ${variant}`;
  const total = await runProgram({
    name,
    command: python,
    words: [join(packageRoot, 'test', 'bench', 'tune', 'tune_baseline.py'), path],
    environment: { OMP_NUM_THREADS: String(threads), MKL_NUM_THREADS: String(threads) },
    signal,
    onEvent: (event: ProgramEvent) => {
      if (event.event === 'progress') onNote?.(`${name}: ${String(event['text'])}`);
      if (event.event === 'done') result = event as unknown as TuneOutcome;
    },
  });
  if (result === undefined) throw new RunError(`${name} ended without a result`);
  const { accuracy, compression, seconds, peakRssBytes } = result;
  return { accuracy, compression, seconds: { ...seconds, total }, peakRssBytes };
}

function configOf(run: string): TuneConfig {
  const { config } = runPaths(run);
  if (!existsSync(config)) throw new RunError(`${config} is gone, which says what our run was; give another --out`);
  return JSON.parse(readFileSync(config, 'utf8')) as TuneConfig;
}
