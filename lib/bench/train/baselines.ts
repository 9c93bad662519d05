/** What `bench train` runs beside this package: PyTorch's variants, and the rates of the machine. They end with it. */
import type { Precision } from '../../native/addon.js';
import { BaselineError } from '../python-baseline.js';
import type { SyntheticTask } from '../synthetic-task.js';
import { dominatingLayers, layerWork } from './floor.js';
import { MachineRates } from './machine-rates.js';
import { type PyTorchOptions, PyTorchTrainer, type PyTorchTurn } from './pytorch.js';
import type { TrainVariant } from './variants.js';

export interface BaselineOptions extends Omit<PyTorchOptions, 'python'> {
  variants: readonly TrainVariant[];
  /** Null to leave all of them out. */
  python: string | null;
  onProgress?: ((text: string) => void) | undefined;
  onNote?: ((text: string) => void) | undefined;
}

/** Largest relative difference of two losses that are to be the same. */
const SAME_LOSS: Record<Precision, number> = { fp32: 1e-3, tf32: 1e-2, bf16: 5e-2 };

export class Baselines implements Disposable {
  /** One turn a round each, in the order measured. */
  readonly measured = new Map<TrainVariant, PyTorchTurn[]>();
  /** In one line, why a variant that was asked for is not among them. */
  readonly missing = new Map<TrainVariant, string>();
  rates: MachineRates | null = null;
  readonly #trainers = new Map<TrainVariant, PyTorchTrainer>();
  #note: (text: string) => void = () => undefined;

  /** Starts and warms up all that can run; of the others, and of one that computes something else, a note is given. */
  async start(
    task: SyntheticTask,
    { ourLosses, steps }: { ourLosses: readonly number[]; steps: { compared: number; warmUp: number } },
    options: BaselineOptions,
  ): Promise<void> {
    const { python, batchSize, precision, onNote } = options;
    if (python === null) return;
    if (onNote !== undefined) this.#note = onNote;
    const variants = new Set(options.variants);
    const rates = await MachineRates.start(dominatingLayers(layerWork(task.spec, batchSize)), { ...options, python });
    if (typeof rates === 'string') {
      const reason = `no torch in ${python} (${rates})`;
      this.#note(`${reason}: only this package is measured, without a floor; --python PATH names a Python that has it`);
      for (const variant of variants) this.missing.set(variant, reason);
      return;
    }
    this.rates = rates;
    for (const variant of variants) {
      const trainer = await PyTorchTrainer.start(variant, task, { ...options, python }, steps);
      if (typeof trainer === 'string') {
        this.#leaveOut(variant, trainer);
        continue;
      }
      this.#trainers.set(variant, trainer);
      this.measured.set(variant, []);
      options.onProgress?.(`PyTorch, ${variant}: ready`);
      if (!(largestDifference(ourLosses, trainer.losses) < SAME_LOSS[precision])) {
        this.#note(
          `PyTorch, ${variant}: its first losses ${trainer.losses.join(', ')} are not ours ${ourLosses.join(', ')}: the two do not do the same`,
        );
      }
    }
  }

  /** A turn of each, in order; one whose process fails is left out from then on, with what it measured before. */
  async turns(steps: number): Promise<void> {
    for (const [variant, trainer] of this.#trainers) {
      try {
        this.measured.get(variant)?.push(await trainer.turn(steps));
      } catch (error) {
        if (!(error instanceof BaselineError)) throw error;
        this.#leaveOut(variant, error.reason);
      }
    }
  }

  [Symbol.dispose](): void {
    for (const trainer of this.#trainers.values()) trainer[Symbol.dispose]();
    this.rates?.[Symbol.dispose]();
  }

  #leaveOut(variant: TrainVariant, reason: string): void {
    this.#note(`PyTorch, ${variant}: left out, ${reason}`);
    this.missing.set(variant, reason);
    this.measured.delete(variant);
    this.#trainers.get(variant)?.[Symbol.dispose]();
    this.#trainers.delete(variant);
  }
}

/** Relative to ours. */
function largestDifference(ours: readonly number[], theirs: readonly number[]): number {
  return Math.max(...ours.map((loss, index) => Math.abs(theirs[index] - loss) / Math.abs(loss)));
}
