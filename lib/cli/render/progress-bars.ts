/** Progress on a terminal: one line a task, redrawn in place. */

import { progressParts, type Progress, type ProgressView } from './progress.js';
import type { OutputStream } from './output-stream.js';

/** Milliseconds between two drawings: faster than the eye follows only costs time. */
const FRAME_MS = 80;
const BAR_CELLS = 24;
const ERASE_LINE = '\r\u001b[2K';

/** Bars with rate and time left. A finished task keeps its line; the next one starts below it. */
export class ProgressBars implements ProgressView {
  private current: Progress | undefined;
  private drawnAt = Number.NEGATIVE_INFINITY;
  private startedAt = 0;
  private visible = false;
  private finishedTask: string | undefined;

  constructor(
    private readonly stream: OutputStream,
    private readonly now: () => number,
  ) {}

  update(progress: Progress): void {
    const isDone = progress.done >= progress.total;
    // Work that is told twice that it is done gets one line all the same.
    if (isDone && this.finishedTask === progress.task) return;
    const isNew = this.current?.task !== progress.task;
    if (isNew) {
      this.finish();
      this.startedAt = this.now();
    }
    this.current = progress;
    if (isNew || isDone || this.now() - this.drawnAt >= FRAME_MS) this.redraw();
    this.finishedTask = undefined;
    if (isDone) {
      this.finish();
      this.finishedTask = progress.task;
    }
  }

  clear(): void {
    if (this.visible) this.stream.write(ERASE_LINE);
    this.visible = false;
  }

  redraw(): void {
    if (this.current === undefined) return;
    const elapsed = (this.now() - this.startedAt) / 1000;
    const line = barLine(this.current, elapsed, Math.max(40, (this.stream.columns ?? 80) - 1));
    this.stream.write(`${ERASE_LINE}${line}`);
    this.visible = true;
    this.drawnAt = this.now();
  }

  finish(): void {
    if (this.visible) this.stream.write('\n');
    this.visible = false;
    this.current = undefined;
  }
}

/** One task as a line of at most `width` characters. */
function barLine(progress: Progress, elapsedSeconds: number, width: number): string {
  const { task, done, total } = progress;
  const share = total > 0 ? Math.min(1, done / total) : 1;
  const filled = Math.round(share * BAR_CELLS);
  const bar = '█'.repeat(filled) + '░'.repeat(BAR_CELLS - filled);
  const parts = [`${String(Math.floor(share * 100)).padStart(3)}%`, ...progressParts(progress, elapsedSeconds)];
  const line = `${task.padEnd(24)} ${bar} ${parts.join('  ')}`;
  // A line that wraps cannot be erased: a narrow terminal loses the bar first, then the end.
  const fitting = line.length <= width ? line : `${task} ${parts.join('  ')}`;
  return fitting.slice(0, width);
}
