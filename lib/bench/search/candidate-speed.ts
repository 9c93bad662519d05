/**
 * `bench search --parts speed`: candidates scored a second, by this package and by PyTorch in turn: masks for thresholds, then the
 * error on the tune images. All images are read: what racing saves is the search's own, not the evaluation's. Weights and images
 * are random; an image's label is what the unpruned network says.
 */
import { Random } from '../../bayes/rng.js';
import { AbortedError } from '../../errors.js';
import type { SampleList } from '../../native/addon.js';
import { evaluateSamples } from '../../native/evaluation.js';
import { loadAddon } from '../../native/load.js';
import { precisionNote, usedPrecision } from '../../native/precision.js';
import { Objective } from '../../tuner/objective.js';
import { describeMachine } from '../machine.js';
import { peakMemory, restartPeakMemory } from '../peak-memory.js';
import { largest } from '../statistics.js';
import { SyntheticTask } from '../synthetic-task.js';
import type { BenchReport } from '../types.js';
import { type ScorerOptions, Scorers } from './pytorch-scorers.js';
import { type PyTorchTurn, ratiosOf, rowsOf, type Turn, type Variant } from './speed-summary.js';

export interface CandidateSpeedOptions extends ScorerOptions {
  /** Name in models/ or path of a spec. */
  model: string;
  /** Tune images. */
  images: number;
  /** Turns of each side. */
  rounds: number;
}

const CANDIDATES_A_TURN = 3;
/** Fit batches that refresh BatchNorm's statistics, as in the search. */
const FIT_BATCHES = 4;
/** Share of the images that two implementations may judge differently: logits of random networks lie close together. */
const SAME_ERROR = { fp32: 0.02, tf32: 0.05, bf16: 0.1 } as const;
const SEED = 1;

/** @throws AbortedError when the signal fires; UsageError, SpecError on a model that cannot be read. */
export async function benchCandidateSpeed(options: CandidateSpeedOptions): Promise<BenchReport> {
  const { images: tune, batchSize, rounds, precision, device, signal } = options;
  const note = precisionNote(precision, usedPrecision(precision, device, loadAddon().info()));
  if (note !== null) options.onNote?.(`ours, ${note}`);
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

  using others = new Scorers();
  await others.start(task, { tune, fit, labels: [...tuneSamples.labels] }, draw(), options);
  const ours: Turn[] = [];
  await scoreAll(objective, draw(), signal);
  restartPeakMemory();
  for (let round = 1; round <= rounds; round++) {
    if (signal?.aborted) throw new AbortedError(`stopped before round ${round}`);
    const candidates = draw();
    ours.push(await scoreAll(objective, candidates, signal));
    await others.turns(candidates);
    options.onProgress?.(`round ${round} of ${rounds}`);
  }
  const peakBytes = peakMemory();
  const { measured: theirs, missing } = others;
  noteDifferences(ours, theirs, options);
  return {
    rows: rowsOf({ ours, theirs, peakBytes, missing }),
    ratios: ratiosOf(ours, theirs),
    machine: describeMachine(others.versions, options.threads, device),
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

function noteDifferences(
  ours: readonly Turn[],
  theirs: ReadonlyMap<Variant, readonly PyTorchTurn[]>,
  { precision, onNote }: CandidateSpeedOptions,
): void {
  for (const [variant, turns] of theirs) {
    const differences = turns.flatMap(({ errors }, round) =>
      errors.map((error, index) => Math.abs(error - ours[round].errors[index])),
    );
    const most = largest(differences);
    if (!(most <= SAME_ERROR[precision])) {
      onNote?.(
        `PyTorch, ${variant}: its errors differ from ours by up to ${most.toPrecision(2)}: the two do not do the same`,
      );
    }
  }
}
