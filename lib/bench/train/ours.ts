/** This package's side of `bench train`: slices of masked training as `tune` runs them. */
import type { Augmentation, SampleList, TrainSlice } from '../../native/addon.js';
import { HYSTERESIS } from '../../tuner/magnitudes.js';
import { restartPeakMemory } from '../peak-memory.js';
import type { SyntheticTask } from '../synthetic-task.js';

/** What both sides train with. */
export const TRAINING = { rate: 1e-3, momentum: 0.9, decay: 5e-4 } as const;

/** A mask refresh of every layer in every step: what the schedule of METHOD.md section 2 asks for at its start. */
const SURGERY = { gamma: 0, power: 1, firstStep: 0, stopStep: Number.MAX_SAFE_INTEGER };

const CENTRE_CROP: Augmentation = {
  kind: 'none',
  areaRange: [1, 1],
  aspectRange: [1, 1],
  horizontalFlip: false,
  verticalFlip: false,
};

/** One turn: seconds a step, and the share of them spent waiting for images. */
export interface OurTurn {
  seconds: number;
  waiting: number;
}

export class OurTrainer {
  #step = 0;

  private constructor(
    private readonly task: SyntheticTask,
    private readonly batchSize: number,
    private readonly augmentation: Augmentation['kind'],
    private readonly signal: AbortSignal | undefined,
  ) {}

  /** Masks the task's network. */
  static async of(
    task: SyntheticTask,
    options: { batchSize: number; augmentation: Augmentation['kind']; signal?: AbortSignal | undefined },
  ): Promise<OurTrainer> {
    await task.session.setThresholds({ thresholds: task.thresholds, ...HYSTERESIS });
    return new OurTrainer(task, options.batchSize, options.augmentation, options.signal);
  }

  /** Losses of the first steps on the first batch, centre-cropped, without dropout: to compare with another implementation. */
  async losses(steps: number): Promise<number[]> {
    const samples = this.task.first(this.batchSize);
    const losses: number[] = [];
    for (let count = 0; count < steps; count++) {
      const slice = this.#slice(1, { samples, dropout: false, augmentation: CENTRE_CROP });
      losses.push((await this.#train(slice)).loss);
    }
    return losses;
  }

  /** Peak memory counts from the end of it on. */
  async warmUp(steps: number): Promise<void> {
    await this.turn(steps);
    restartPeakMemory();
  }

  async turn(steps: number): Promise<OurTurn> {
    const kind = this.augmentation;
    const augmentation: Augmentation = {
      kind,
      areaRange: [0.4, 1],
      aspectRange: [3 / 4, 4 / 3],
      horizontalFlip: kind !== 'none',
      verticalFlip: false,
    };
    const slice = this.#slice(steps, { samples: this.task.samples, dropout: true, augmentation });
    const startedAt = performance.now();
    const { secondsWaiting } = await this.#train(slice);
    const seconds = (performance.now() - startedAt) / 1000;
    return { seconds: seconds / steps, waiting: secondsWaiting / seconds };
  }

  #slice(steps: number, rest: { samples: SampleList; dropout: boolean; augmentation: Augmentation }): TrainSlice {
    return {
      ...rest,
      firstStep: this.#step,
      learningRates: new Float64Array(steps).fill(TRAINING.rate),
      batchSize: this.batchSize,
      learningRateFactors: {},
      momentum: TRAINING.momentum,
      weightDecay: TRAINING.decay,
      labelSmoothing: 0,
      clipNorm: 0,
      surgery: SURGERY,
    };
  }

  async #train(slice: TrainSlice): Promise<{ loss: number; secondsWaiting: number }> {
    const result = await this.task.session.train(slice, { signal: this.signal });
    this.#step += result.steps;
    return result;
  }
}
