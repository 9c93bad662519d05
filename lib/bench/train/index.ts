/**
 * `bench train`: masked training steps on random images, this package and PyTorch in turn, and how near the machine's floor each
 * comes. Masks are at the densities of a network in the middle of its pruning and are refreshed in every step.
 */
import { AbortedError } from '../../errors.js';
import type { Augmentation, Precision } from '../../native/addon.js';
import { loadAddon } from '../../native/load.js';
import { precisionNote, usedPrecision } from '../../native/precision.js';
import { describeMachine } from '../machine.js';
import { peakMemory } from '../peak-memory.js';
import { SyntheticTask } from '../synthetic-task.js';
import type { BenchReport } from '../types.js';
import { Baselines } from './baselines.js';
import { OurTrainer } from './ours.js';
import { missingRowsOf, type TrainMeasurements, ratiosOf, rowsOf } from './summary.js';
import type { TrainVariant } from './variants.js';

export interface BenchTrainOptions {
  /** Name in models/ or path of a spec. */
  model: string;
  batchSize: number;
  precision: Precision;
  /** Where both sides compute: 'cpu' or 'cuda:N'. */
  device: string;
  threads: number;
  /** Turns of each side. */
  rounds: number;
  /** Steps of a turn. */
  steps: number;
  augmentation: Augmentation['kind'];
  variants: readonly TrainVariant[];
  /** Python that may have torch; null to leave PyTorch and the floor out. */
  python: string | null;
  signal?: AbortSignal | undefined;
  /** Told in a few words what was done. */
  onProgress?: ((text: string) => void) | undefined;
  /** Told in one line what could not be measured, or differs. */
  onNote?: ((text: string) => void) | undefined;
}

/** Steps of both sides whose losses are compared, and steps before the clock runs. */
const STEPS = { compared: 3, warmUp: 3 };
/** Batches of images there are. */
const BATCHES = 4;

/** @throws AbortedError when the signal fires; UsageError, SpecError on a model that cannot be read. */
export async function benchTrain(options: BenchTrainOptions): Promise<BenchReport> {
  const { batchSize, rounds, steps, signal } = options;
  const note = precisionNote(options.precision, usedPrecision(options.precision, options.device, loadAddon().info()));
  if (note !== null) options.onNote?.(`ours, ${note}`);
  await using task = await SyntheticTask.make({ ...options, images: batchSize * BATCHES });
  const ours = await OurTrainer.of(task, options);
  const losses = await ours.losses(STEPS.compared);
  using baselines = new Baselines();
  await baselines.start(task, { ourLosses: losses, steps: STEPS }, options);
  await ours.warmUp(STEPS.warmUp);

  const measured: TrainMeasurements = { batchSize, ours: [], variants: baselines.measured, peakBytes: 0, floor: null };
  for (let round = 1; round <= rounds; round++) {
    if (signal?.aborted) throw new AbortedError(`stopped before round ${round}`);
    measured.ours.push(await ours.turn(steps));
    await baselines.turns(steps);
    await baselines.rates?.measure();
    options.onProgress?.(`round ${round} of ${rounds}`);
  }
  measured.peakBytes = peakMemory();
  if (baselines.rates !== null) {
    const { arithmetic, copy } = baselines.rates;
    measured.floor = { spec: task.spec, rates: { arithmetic, copy } };
  }
  return {
    rows: [...rowsOf(measured), ...missingRowsOf(baselines.missing)],
    ratios: ratiosOf(measured),
    machine: describeMachine(baselines.rates?.versions ?? null, options.threads, options.device),
  };
}
