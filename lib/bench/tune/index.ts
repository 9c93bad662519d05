/**
 * `bench tune`: whole runs, this package's command and a PyTorch script with the same algorithm, budget and images, in turn, seed by
 * seed, each in a process of its own. Every finished run is written down in OUT/bench.jsonl; the same command goes on from there.
 */
import { join } from 'node:path';
import { RunError } from '../../errors.js';
import { BenchJournal } from '../journal.js';
import { PythonBaseline } from '../python-baseline.js';
import { describeMachine } from '../machine.js';
import { measureEach } from '../seeds.js';
import { missingRow } from '../statistics.js';
import type { BenchReport, BenchRow } from '../types.js';
import { type SideOptions, tuneOurs, tunePyTorch } from './sides.js';
import { type Outcomes, OURS, ratiosOf, rowsOf } from './summary.js';
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

/**
 * A run of PyTorch's that fails leaves a row that says so; the same command tries it again.
 * @throws AbortedError when the signal fires; RunError where a run of ours fails or OUT belongs to another task or process;
 *   FileError where OUT cannot be written.
 */
export async function benchTune(options: BenchTuneOptions): Promise<BenchReport> {
  const { task, out, signal } = options;
  using journal = BenchJournal.open<TuneOutcome>(out, task);
  const { versions, variants, missing } = await otherSideOf(options);
  const outcomes: Outcomes = new Map([OURS, ...variants.map(nameOf)].map((side) => [side, []]));
  const measure = async (seed: number, side: string, run: () => Promise<TuneOutcome>): Promise<void> => {
    const outcome = journal.find(seed, side) ?? (await run());
    if (journal.find(seed, side) === undefined) journal.add(seed, side, outcome);
    outcomes.get(side)?.push(outcome);
    options.onNote?.(`seed ${seed}: ${side}: ${inWords(outcome)}`);
  };
  const seeds = Array.from({ length: options.seeds }, (_, index) => index + 1);
  await measureEach(
    seeds,
    async (seed) => {
      const side: SideOptions = { ...options, seed, folder: join(out, `seed-${seed}`) };
      await measure(seed, OURS, () => tuneOurs(side));
      for (const variant of variants) {
        const name = nameOf(variant);
        try {
          await measure(seed, name, () => tunePyTorch(options.python ?? '', variant, side));
        } catch (error) {
          if (!(error instanceof RunError)) throw error;
          outcomes.get(name)?.push(null);
          missing.push(wholeRunMissing(`${name}, seed ${seed}`, error.message));
          options.onNote?.(`seed ${seed}: ${name}: left out, ${error.message}`);
        }
      }
    },
    signal,
  );
  const machine = describeMachine(versions, task.threads, task.device);
  return { rows: [...rowsOf(outcomes), ...missing], ratios: ratiosOf(outcomes), machine };
}

function nameOf(variant: TuneVariant): string {
  return `PyTorch, ${variant}`;
}

function inWords({ seconds, compression, accuracy }: TuneOutcome): string {
  return `${seconds.total.toFixed(0)} s, ${compression.toFixed(2)}x, ${(100 * accuracy.compressed).toFixed(1)}%`;
}

function wholeRunMissing(side: string, reason: string): BenchRow {
  return missingRow(`${side}: whole run`, 'seconds', reason);
}

/** What is run beside ours. */
interface OtherSide {
  /** Null where there is none. */
  versions: Record<string, string> | null;
  variants: readonly TuneVariant[];
  /** A row for each variant that was asked for and has no Python to run in. */
  missing: BenchRow[];
}

async function otherSideOf({ python, variants, task, signal, onNote }: BenchTuneOptions): Promise<OtherSide> {
  if (python === null) return { versions: null, variants: [], missing: [] };
  const wanted = [...new Set(variants)];
  const script = 'tune/versions.py';
  const found = await PythonBaseline.start({ python, script, threads: task.threads, signal });
  if (typeof found !== 'string') {
    found[Symbol.dispose]();
    return { versions: found.versions, variants: wanted, missing: [] };
  }
  const reason = `no torch and pillow in ${python} (${found})`;
  onNote?.(`${reason}: only this package is measured; --python PATH names a Python that has them`);
  return { versions: null, variants: [], missing: wanted.map((variant) => wholeRunMissing(nameOf(variant), reason)) };
}
