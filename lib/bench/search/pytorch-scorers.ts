/** PyTorch's side of `bench search --parts speed`: a process for each way to score a candidate. They end with it. */
import type { Precision } from '../../native/addon.js';
import { BaselineError, PythonBaseline } from '../python-baseline.js';
import type { SyntheticTask } from '../synthetic-task.js';
import { type PyTorchTurn, type Variant, VARIANTS } from './speed-summary.js';

export interface ScorerOptions {
  /** Python that may have torch; null to leave all of them out. */
  python: string | null;
  batchSize: number;
  threads: number;
  precision: Precision;
  /** Where both sides compute: 'cpu' or 'cuda:N'. */
  device: string;
  signal?: AbortSignal | undefined;
  /** Told in a few words what was done. */
  onProgress?: ((text: string) => void) | undefined;
  /** Told in one line what could not be measured, or differs. */
  onNote?: ((text: string) => void) | undefined;
}

/** Layer name -> t, of each candidate of a turn. */
type Candidates = readonly Record<string, number>[];

export class Scorers implements Disposable {
  /** One turn a round each, in the order measured. */
  readonly measured = new Map<Variant, PyTorchTurn[]>();
  /** In one line, why a variant is not among them. */
  readonly missing = new Map<Variant, string>();
  versions: Record<string, string> | null = null;
  readonly #processes = new Map<Variant, PythonBaseline>();
  #note: (text: string) => void = () => undefined;

  /** Starts all that can run, and has each score `warmUp`; of the others a note is given. */
  async start(
    task: SyntheticTask,
    samples: { tune: number; fit: number; labels: number[] },
    warmUp: Candidates,
    options: ScorerOptions,
  ): Promise<void> {
    const { python, device, threads, precision, batchSize: batch, signal, onNote, onProgress } = options;
    if (python === null) return;
    if (onNote !== undefined) this.#note = onNote;
    const { spec, weights, images } = task;
    for (const variant of VARIANTS) {
      const process = await PythonBaseline.start({ python, script: 'search/candidate_speed.py', threads, signal });
      if (typeof process === 'string') {
        const reason = `no torch in ${python} (${process})`;
        this.#note(`${reason}: only this package is measured; --python PATH names a Python that has it`);
        for (const each of VARIANTS) this.missing.set(each, reason);
        return;
      }
      this.#processes.set(variant, process);
      this.versions = process.versions;
      const setup = { variant, device, precision, threads, spec, weights, images, batch, ...samples };
      const isReady = await this.#attempt(variant, async () => {
        await process.ask({ command: 'setup', ...setup });
        await process.ask({ command: 'turn', candidates: warmUp });
        this.measured.set(variant, []);
      });
      if (isReady) onProgress?.(`PyTorch, ${variant}: ready`);
    }
  }

  /** A turn of each, in order; one whose process fails is left out from then on, with what it measured before. */
  async turns(candidates: Candidates): Promise<void> {
    for (const [variant, process] of this.#processes) {
      await this.#attempt(variant, async () => {
        const turn = await process.ask<PyTorchTurn>({ command: 'turn', candidates });
        this.measured.get(variant)?.push(turn);
      });
    }
  }

  [Symbol.dispose](): void {
    for (const process of this.#processes.values()) process[Symbol.dispose]();
  }

  /** False where the process failed; the variant is left out then. */
  async #attempt(variant: Variant, work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (error) {
      if (!(error instanceof BaselineError)) throw error;
      this.#note(`PyTorch, ${variant}: left out, ${error.reason}`);
      this.missing.set(variant, error.reason);
      this.measured.delete(variant);
      this.#processes.get(variant)?.[Symbol.dispose]();
      this.#processes.delete(variant);
      return false;
    }
  }
}
