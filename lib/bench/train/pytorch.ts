/** PyTorch's side of `bench train`: a process for each way to write masked training, so that each has a peak memory of its own. */
import type { Precision } from '../../native/addon.js';
import { BaselineError, PythonBaseline } from '../python-baseline.js';
import type { SyntheticTask } from '../synthetic-task.js';
import { TRAINING } from './ours.js';
import type { TrainVariant } from './variants.js';

export interface PyTorchOptions {
  python: string;
  batchSize: number;
  threads: number;
  precision: Precision;
  /** 'cpu' or 'cuda:N'. */
  device: string;
  signal?: AbortSignal | undefined;
}

/** One turn of a variant. */
export interface PyTorchTurn {
  /** A step. */
  seconds: number;
  peakBytes: number;
}

export class PyTorchTrainer implements Disposable {
  private constructor(
    readonly variant: TrainVariant,
    private readonly process: PythonBaseline,
    /** Losses of the first steps, as `OurTrainer.losses`. */
    readonly losses: readonly number[],
  ) {}

  /**
   * Starts a variant, takes the losses of its first steps, and warms it up.
   * @returns in one line why the variant cannot run where it cannot.
   */
  static async start(
    variant: TrainVariant,
    task: SyntheticTask,
    options: PyTorchOptions,
    steps: { compared: number; warmUp: number },
  ): Promise<PyTorchTrainer | string> {
    const { python, batchSize, device, threads, precision, signal } = options;
    const process = await PythonBaseline.start({ python, script: 'train/train_baseline.py', threads, signal });
    if (typeof process === 'string') return `no torch in ${python} (${process})`;
    try {
      const { spec, weights, images, samples, thresholds } = task;
      const setup = { variant, device, precision, threads, spec, weights, images, thresholds, ...TRAINING };
      await process.ask({ command: 'setup', ...setup, batch: batchSize, labels: [...samples.labels] });
      // A variant that compiles does so in these two, and may fail for want of a compiler.
      const { losses } = await process.ask<{ losses: number[] }>({ command: 'losses', steps: steps.compared });
      await process.ask({ command: 'warmUp', steps: steps.warmUp });
      return new PyTorchTrainer(variant, process, losses);
    } catch (error) {
      process[Symbol.dispose]();
      if (error instanceof BaselineError) return error.reason;
      throw error;
    }
  }

  /** @throws BaselineError where the process fails. */
  async turn(steps: number): Promise<PyTorchTurn> {
    const answer = await this.process.ask<{ seconds: number[]; peakBytes: number }>({ command: 'turn', steps });
    return { seconds: answer.seconds.reduce((sum, value) => sum + value, 0) / steps, peakBytes: answer.peakBytes };
  }

  [Symbol.dispose](): void {
    this.process[Symbol.dispose]();
  }
}
