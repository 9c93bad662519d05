/**
 * `bench search --parts speed`: candidates scored a second, by this package and by PyTorch in turn: masks for thresholds, then the
 * error on the tune images. All images are read: what racing saves is the search's own, not the evaluation's. Weights and images
 * are random; an image's label is what the unpruned network says.
 */
import { Random } from '../../bayes/rng.js';
import { AbortedError } from '../../errors.js';
import type { Precision, SampleList } from '../../native/addon.js';
import { evaluateSamples } from '../../native/evaluation.js';
import { Objective } from '../../tuner/objective.js';
import { describeMachine } from '../machine.js';
import { peakMemory, restartPeakMemory } from '../peak-memory.js';
import { PythonBaseline } from '../python-baseline.js';
import { median, rowOf } from '../statistics.js';
import { SyntheticTask } from '../synthetic-task.js';
import type { BenchReport, BenchRow } from '../types.js';

/** Ways to score a candidate in PyTorch, as test/bench/search/candidate_speed.py names them. */
const VARIANTS = ['idiomatic', 'channels-last', 'tuned', 'compiled'] as const;
type Variant = (typeof VARIANTS)[number];

export interface CandidateSpeedOptions {
  /** Name in models/ or path of a spec. */
  model: string;
  /** Tune images. */
  images: number;
  batchSize: number;
  threads: number;
  precision: Precision;
  /** Where both sides compute: 'cpu' or 'cuda:N'. */
  device: string;
  /** Turns of each side. */
  rounds: number;
  /** Python that may have torch; null to leave PyTorch out. */
  python: string | null;
  signal?: AbortSignal | undefined;
  /** Told in a few words what was done. */
  onProgress?: ((text: string) => void) | undefined;
  /** Told in one line what could not be measured, or differs. */
  onNote?: ((text: string) => void) | undefined;
}

const CANDIDATES_A_TURN = 3;
/** Fit batches that refresh BatchNorm's statistics, as in the search. */
const FIT_BATCHES = 4;
/** Share of the images that two implementations may judge differently: logits of random networks lie close together. */
const SAME_ERROR = { fp32: 0.02, tf32: 0.05, bf16: 0.1 } as const;
const SEED = 1;
const MEBIBYTE = 2 ** 20;

/** What a side found in a turn. */
interface Turn {
  /** A candidate, mean of the turn. */
  seconds: number;
  errors: number[];
}

interface PyTorchTurn {
  seconds: number[];
  errors: number[];
  peakBytes: number;
}

/** @throws AbortedError when the signal fires; UsageError, SpecError on a model that cannot be read. */
export async function benchCandidateSpeed(options: CandidateSpeedOptions): Promise<BenchReport> {
  const { images: tune, batchSize, rounds, signal } = options;
  const fit = FIT_BATCHES * batchSize;
  await using task = await SyntheticTask.make({ ...options, images: tune + fit });
  const { records, labels, images } = task.samples;
  const fitSamples: SampleList = { images, records: records.slice(tune), labels: labels.slice(tune) };
  const dense = await evaluateSamples(task.session, task.first(tune), { batchSize, signal });
  const tuneSamples: SampleList = { ...task.first(tune), labels: Int32Array.from(dense.predicted) };
  const objective = await Objective.of(task.session, fitSamples, tuneSamples, batchSize);
  const random = new Random(SEED);
  const draw = (): Record<string, number>[] =>
    Array.from({ length: CANDIDATES_A_TURN }, () =>
      objective.space.thresholds(objective.space.layers.map(() => 0.5 * random.uniform())),
    );

  using others = new Others();
  await others.start(task, { tune, fit, labels: [...tuneSamples.labels] }, draw(), options);
  const ours: Turn[] = [];
  const theirs = new Map<Variant, PyTorchTurn[]>([...others.processes.keys()].map((variant) => [variant, []]));
  await scoreAll(objective, draw(), signal);
  restartPeakMemory();
  for (let round = 1; round <= rounds; round++) {
    if (signal?.aborted) throw new AbortedError(`stopped before round ${round}`);
    const candidates = draw();
    ours.push(await scoreAll(objective, candidates, signal));
    for (const [variant, process] of others.processes) {
      theirs.get(variant)?.push(await process.ask<PyTorchTurn>({ command: 'turn', candidates }));
    }
    options.onProgress?.(`round ${round} of ${rounds}`);
  }
  const peakBytes = peakMemory();
  noteDifferences(ours, theirs, options);
  return {
    ...summarise(ours, theirs, peakBytes),
    machine: describeMachine(others.versions, options.threads, options.device),
  };
}

async function scoreAll(
  objective: Objective,
  candidates: readonly Record<string, number>[],
  signal: AbortSignal | undefined,
): Promise<Turn> {
  const errors: number[] = [];
  const startedAt = performance.now();
  for (const thresholds of candidates) errors.push((await objective.scoreThresholds(thresholds, null, signal)).error);
  return { seconds: (performance.now() - startedAt) / 1000 / candidates.length, errors };
}

/** The Python processes of a run; they end with it. */
class Others implements Disposable {
  readonly processes = new Map<Variant, PythonBaseline>();
  versions: Record<string, string> | null = null;

  async start(
    task: SyntheticTask,
    samples: { tune: number; fit: number; labels: number[] },
    warmUp: readonly Record<string, number>[],
    options: CandidateSpeedOptions,
  ): Promise<void> {
    const { python, device, threads, precision, batchSize: batch, signal, onNote, onProgress } = options;
    if (python === null) return;
    const { spec, weights, images } = task;
    for (const variant of VARIANTS) {
      const process = await PythonBaseline.start({ python, script: 'search/candidate_speed.py', threads, signal });
      if (process === null) {
        onNote?.(`no torch in ${python}: only this package is measured; --python PATH names a Python that has it`);
        return;
      }
      this.processes.set(variant, process);
      this.versions = process.versions;
      const setup = { variant, device, precision, threads, spec, weights, images, batch, ...samples };
      await process.ask({ command: 'setup', ...setup });
      const warm = await process.attempt({ command: 'turn', candidates: warmUp });
      if ('error' in warm) {
        onNote?.(`PyTorch, ${variant}: left out, ${warm.error}`);
        process[Symbol.dispose]();
        this.processes.delete(variant);
      } else {
        onProgress?.(`PyTorch, ${variant}: ready`);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const process of this.processes.values()) process[Symbol.dispose]();
  }
}

function noteDifferences(
  ours: readonly Turn[],
  theirs: ReadonlyMap<Variant, readonly PyTorchTurn[]>,
  { precision, onNote }: CandidateSpeedOptions,
): void {
  for (const [variant, turns] of theirs) {
    const differences = turns.flatMap(({ errors }, round) =>
      errors.map((error, index) => Math.abs(error - ours[round].errors[index])),
    );
    const largest = Math.max(...differences);
    if (!(largest <= SAME_ERROR[precision])) {
      onNote?.(
        `PyTorch, ${variant}: its errors differ from ours by up to ${largest.toPrecision(2)}: the two do not do the same`,
      );
    }
  }
}

function summarise(
  ours: readonly Turn[],
  theirs: ReadonlyMap<Variant, readonly PyTorchTurn[]>,
  peakBytes: number,
): Pick<BenchReport, 'rows' | 'ratios'> {
  const rows: BenchRow[] = [];
  const ratios: Record<string, number> = {};
  const add = (name: string, seconds: number[], peak: number): void => {
    const perSecond = seconds.map((value) => 1 / value);
    rows.push(rowOf(`${name}: candidates scored`, 'a second', 'high', perSecond, seconds));
    rows.push(rowOf(`${name}: peak memory while scoring`, 'MiB', 'low', [peak / MEBIBYTE]));
  };
  const oursSeconds = ours.map(({ seconds }) => seconds);
  add('ours', oursSeconds, peakBytes);
  let best = { seconds: Infinity, over: 0 };
  for (const [variant, turns] of theirs) {
    const seconds = turns.map((turn) => turn.seconds.reduce((sum, value) => sum + value, 0) / turn.seconds.length);
    add(`PyTorch, ${variant}`, seconds, Math.max(...turns.map((turn) => turn.peakBytes)));
    const over = median(seconds.map((value, round) => value / oursSeconds[round]));
    ratios[`candidates a second: ours over PyTorch, ${variant}`] = over;
    if (median(seconds) < best.seconds) best = { seconds: median(seconds), over };
  }
  if (theirs.size > 0) ratios['candidates a second: ours over best PyTorch'] = best.over;
  return { rows, ratios };
}
