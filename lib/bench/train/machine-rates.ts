/** What the machine of a run can do, measured again in every round, the best kept. */
import type { Precision } from '../../native/addon.js';
import { PythonBaseline } from '../python-baseline.js';
import type { LayerWork } from './floor.js';

/** Larger than any cache. */
const COPIED_BYTES = 256 * 2 ** 20;
const REPEATS = 3;

/** What is measured with. */
interface RateSettings {
  /** 'cpu' or 'cuda:N'. */
  device: string;
  threads: number;
  precision: Precision;
}

export class MachineRates implements Disposable {
  /** FLOP/s of the layer that runs fastest, and bytes read and written a second. */
  arithmetic = 0;
  copy = 0;

  private constructor(
    private readonly process: PythonBaseline,
    private readonly layers: readonly LayerWork[],
    private readonly settings: RateSettings,
  ) {}

  /** Versions of the other side. */
  get versions(): Record<string, string> {
    return this.process.versions;
  }

  /** @returns in one line why there are none, where Python has no torch. */
  static async start(
    layers: readonly LayerWork[],
    options: RateSettings & { python: string; signal?: AbortSignal | undefined },
  ): Promise<MachineRates | string> {
    const { device, threads, precision } = options;
    const process = await PythonBaseline.start({ ...options, script: 'train/machine_rates.py' });
    return typeof process === 'string' ? process : new MachineRates(process, layers, { device, threads, precision });
  }

  async measure(): Promise<void> {
    const common = { ...this.settings, repeats: REPEATS };
    // Lopsided padding is no argument of torch's convolutions; the rate does not depend on it.
    const { rates } = await this.process.ask<{ rates: number[] }>({
      command: 'layers',
      layers: this.layers,
      ...common,
    });
    const { rate } = await this.process.ask<{ rate: number }>({ command: 'copy', bytes: COPIED_BYTES, ...common });
    this.arithmetic = Math.max(this.arithmetic, ...rates);
    this.copy = Math.max(this.copy, rate);
  }

  [Symbol.dispose](): void {
    this.process[Symbol.dispose]();
  }
}
