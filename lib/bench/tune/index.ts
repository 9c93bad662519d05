/**
 * `bench tune`: whole runs, this package's command and a PyTorch script with the same algorithm, budget and images, in turn, seed by
 * seed, each in a process of its own. Every finished run is written down in OUT/bench.jsonl; the same command goes on from there.
 */
import { join } from 'node:path';
import { BenchJournal } from '../journal.js';
import { PythonBaseline } from '../python-baseline.js';
import { describeMachine } from '../machine.js';
import { measureEach } from '../seeds.js';
import type { BenchReport } from '../types.js';
import { type SideOptions, tuneOurs, tunePyTorch } from './sides.js';
import { OURS, ratiosOf, rowsOf } from './summary.js';
import type { TuneOutcome, TuneTask, TuneVariant } from './types.js';

export interface BenchTuneOptions extends Pick<SideOptions, 'task' | 'signal' | 'onProgress' | 'onNote'> {
  /** With the threads of both sides, and where both compute: 'cpu' or 'cuda:N'. */
  task: TuneTask & { threads: number; device: string };
  /** Seeds 1 to this. */
  seeds: number;
  /** Folder of the runs and of what was measured. */
  out: string;
  variants: readonly TuneVariant[];
  /** Python that may have torch; null to leave PyTorch out. */
  python: string | null;
}

/** @throws AbortedError when the signal fires; RunError where a run fails or OUT belongs to another task. */
export async function benchTune(options: BenchTuneOptions): Promise<BenchReport> {
  const { task, out, signal, onNote } = options;
  using journal = BenchJournal.open<TuneOutcome>(out, task);
  const versions = await versionsOf(options);
  const variants = versions === null ? [] : options.variants;
  const sides = [OURS, ...variants.map((variant) => `PyTorch, ${variant}`)];
  const outcomes = new Map<string, TuneOutcome[]>(sides.map((side) => [side, []]));
  const seeds = Array.from({ length: options.seeds }, (_, index) => index + 1);
  await measureEach(
    seeds,
    async (seed) => {
      const side: SideOptions = { ...options, seed, folder: join(out, `seed-${seed}`) };
      const measure = async (name: string, run: () => Promise<TuneOutcome>): Promise<void> => {
        let outcome = journal.find(seed, name);
        if (outcome === undefined) {
          outcome = await run();
          journal.add(seed, name, outcome);
        }
        outcomes.get(name)?.push(outcome);
        const { seconds, compression, accuracy } = outcome;
        onNote?.(
          `seed ${seed}: ${name}: ${seconds.total.toFixed(0)} s, ${compression.toFixed(2)}x, ${(100 * accuracy.compressed).toFixed(1)}%`,
        );
      };
      await measure(OURS, () => tuneOurs(side));
      for (const variant of variants) {
        await measure(`PyTorch, ${variant}`, () => tunePyTorch(options.python ?? '', variant, side));
      }
    },
    signal,
  );
  const machine = describeMachine(versions, task.threads, task.device);
  return { rows: rowsOf(outcomes), ratios: ratiosOf(outcomes), machine };
}

/** Versions of the other side; null, with a note, where there is none. */
async function versionsOf({ python, task, signal, onNote }: BenchTuneOptions): Promise<Record<string, string> | null> {
  if (python === null) return null;
  const script = 'tune/versions.py';
  using found = await PythonBaseline.start({ python, script, threads: task.threads, signal });
  if (found === null) {
    onNote?.(
      `no torch and pillow in ${python}: only this package is measured; --python PATH names a Python that has them`,
    );
  }
  return found?.versions ?? null;
}
