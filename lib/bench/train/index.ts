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
import { dominatingLayers, layerWork } from './floor.js';
import { MachineRates } from './machine-rates.js';
import { OurTrainer } from './ours.js';
import { PyTorchTrainer } from './pytorch.js';
import { type TrainMeasurements, ratiosOf, rowsOf } from './summary.js';
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

/** Steps whose losses are compared, and steps before the clock runs. */
const COMPARED_STEPS = 3;
const WARM_UP_STEPS = 3;
/** Batches of images there are. */
const BATCHES = 4;
/** Largest relative difference of two losses that are to be the same. */
const SAME_LOSS = { fp32: 1e-3, tf32: 1e-2, bf16: 5e-2 } as const;

/** @throws AbortedError when the signal fires; UsageError, SpecError on a model that cannot be read. */
export async function benchTrain(options: BenchTrainOptions): Promise<BenchReport> {
  const { batchSize, rounds, steps, signal } = options;
  const note = precisionNote(options.precision, usedPrecision(options.precision, options.device, loadAddon().info()));
  if (note !== null) options.onNote?.(`ours, ${note}`);
  await using task = await SyntheticTask.make({ ...options, images: batchSize * BATCHES });
  const ours = await OurTrainer.of(task, options);
  const losses = await ours.losses(COMPARED_STEPS);
  using baselines = new Baselines();
  await baselines.start(task, losses, options);
  await ours.warmUp(WARM_UP_STEPS);

  const measured: TrainMeasurements = { batchSize, ours: [], variants: new Map(), peakBytes: 0, floor: null };
  for (let round = 1; round <= rounds; round++) {
    if (signal?.aborted) throw new AbortedError(`stopped before round ${round}`);
    measured.ours.push(await ours.turn(steps));
    for (const trainer of baselines.trainers) {
      const turns = measured.variants.get(trainer.variant) ?? [];
      turns.push(await trainer.turn(steps));
      measured.variants.set(trainer.variant, turns);
    }
    await baselines.rates?.measure();
    options.onProgress?.(`round ${round} of ${rounds}`);
  }
  measured.peakBytes = peakMemory();
  if (baselines.rates !== null) {
    const { arithmetic, copy } = baselines.rates;
    measured.floor = { spec: task.spec, rates: { arithmetic, copy } };
  }
  const rows = rowsOf(measured);
  return {
    rows,
    ratios: ratiosOf(measured),
    machine: describeMachine(baselines.rates?.versions ?? null, options.threads, options.device),
  };
}

/** The Python processes of a run; they end with it. */
class Baselines implements Disposable {
  readonly trainers: PyTorchTrainer[] = [];
  rates: MachineRates | null = null;

  async start(task: SyntheticTask, ourLosses: readonly number[], options: BenchTrainOptions): Promise<void> {
    const { python, batchSize, precision, variants, onNote } = options;
    if (python === null) return;
    this.rates = await MachineRates.start(dominatingLayers(layerWork(task.spec, batchSize)), { ...options, python });
    if (this.rates === null) {
      onNote?.(
        `no torch in ${python}: only this package is measured, without a floor; --python PATH names a Python that has it`,
      );
      return;
    }
    for (const variant of variants) {
      const steps = { compared: COMPARED_STEPS, warmUp: WARM_UP_STEPS };
      const trainer = await PyTorchTrainer.start(variant, task, { ...options, python }, steps);
      if (typeof trainer === 'string') {
        onNote?.(`PyTorch, ${variant}: left out, ${trainer}`);
        continue;
      }
      this.trainers.push(trainer);
      options.onProgress?.(`PyTorch, ${variant}: ready`);
      const difference = largestDifference(ourLosses, trainer.losses);
      if (!(difference < SAME_LOSS[precision])) {
        onNote?.(
          `PyTorch, ${variant}: its first losses ${trainer.losses.join(', ')} are not ours ${ourLosses.join(', ')}: the two do not do the same`,
        );
      }
    }
  }

  [Symbol.dispose](): void {
    for (const trainer of this.trainers) trainer[Symbol.dispose]();
    this.rates?.[Symbol.dispose]();
  }
}

/** Relative to ours. */
function largestDifference(ours: readonly number[], theirs: readonly number[]): number {
  return Math.max(...ours.map((loss, index) => Math.abs(theirs[index] - loss) / Math.abs(loss)));
}
