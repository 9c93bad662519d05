/** Progress where nobody watches a terminal: a plain line now and then, for a log. */

import { progressParts, type Progress, type ProgressView } from './progress.js';
import type { OutputStream } from './output-stream.js';

/** A slow task says something this often. */
const QUIET_MS = 10_000;
/** A fast one no oftener than this, whatever share of it is done. */
const BUSY_MS = 1_000;

/** A line at each tenth of a task, but not more than one a second, at least one in ten seconds, and one at its end. */
export class ProgressLines implements ProgressView {
  private task: string | undefined;
  private writtenAt = 0;
  private writtenTenth = 0;
  private startedAt = 0;
  private finishedTask: string | undefined;

  constructor(
    private readonly stream: OutputStream,
    private readonly now: () => number,
  ) {}

  update(progress: Progress): void {
    const { task, done, total } = progress;
    const now = this.now();
    const isDone = done >= total;
    // Work that is told twice that it is done gets one line all the same.
    if (isDone && this.finishedTask === task) return;
    if (task !== this.task) {
      this.task = task;
      this.startedAt = now;
      this.writtenAt = now;
      this.writtenTenth = 0;
    }
    const tenth = total > 0 ? Math.floor((done / total) * 10) : 10;
    const waited = now - this.writtenAt;
    if (!isDone && waited < (tenth > this.writtenTenth ? BUSY_MS : QUIET_MS)) return;
    this.stream.write(`${progressLine(progress, (now - this.startedAt) / 1000)}\n`);
    this.writtenAt = now;
    this.writtenTenth = tenth;
    this.finishedTask = isDone ? task : undefined;
    if (isDone) this.task = undefined;
  }

  clear(): void {
    // Whole lines never stand in the way of others.
  }

  redraw(): void {
    // Nothing is taken off, so nothing is put back.
  }

  finish(): void {
    this.task = undefined;
  }
}

function progressLine(progress: Progress, elapsedSeconds: number): string {
  const { task, done, total } = progress;
  const share = total > 0 ? Math.floor((done / total) * 100) : 100;
  return `${task}: ${share}% (${progressParts(progress, elapsedSeconds).join(', ')})`;
}
