/** Rate and time left of a long task, as progress events. */

/** Progress of a long piece of work, for bars and plain lines. */
export interface ProgressEvent {
  event: 'progress';
  /** What is going on, e.g. "decoding", "warm-up", "round 2: training", "dense reference". */
  task: string;
  done: number;
  total: number;
  unit: 'images' | 'steps' | 'candidates';
  /** Units a second over the task so far; null before the first. */
  rate: number | null;
  secondsLeft: number | null;
}

/** Counts one task's units; `now` is in milliseconds and only feeds the display. */
export class ProgressMeter {
  readonly #task: string;
  readonly #unit: ProgressEvent['unit'];
  readonly #total: number;
  readonly #emit: (event: ProgressEvent) => void;
  readonly #startedAt = performance.now();
  readonly #startedWith: number;

  /** @param done units done before, e.g. in the part of the run before a resume. */
  constructor(
    task: string,
    unit: ProgressEvent['unit'],
    total: number,
    emit: (event: ProgressEvent) => void,
    done = 0,
  ) {
    this.#task = task;
    this.#unit = unit;
    this.#total = total;
    this.#emit = emit;
    this.#startedWith = done;
    this.report(done);
  }

  report(done: number): void {
    const seconds = (performance.now() - this.#startedAt) / 1000;
    const fresh = done - this.#startedWith;
    const rate = fresh > 0 && seconds > 0 ? fresh / seconds : null;
    this.#emit({
      event: 'progress',
      task: this.#task,
      done,
      total: this.#total,
      unit: this.#unit,
      rate,
      secondsLeft: rate === null ? null : (this.#total - done) / rate,
    });
  }
}
