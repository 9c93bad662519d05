/** What progress displays have in common. */

import { formatBytes, formatCount, formatRate, formatSeconds } from '../../format.js';

/** How far a task is; the events of tuning, evaluating and installing all fit. */
export interface Progress {
  task: string;
  done: number;
  total: number;
  /** "images", "steps", "bytes", ... */
  unit: string;
  /** Units a second; null before the first. */
  rate: number | null;
  secondsLeft: number | null;
}

/** How progress is shown; see ProgressBars and ProgressLines. */
export interface ProgressView {
  update(progress: Progress): void;
  /** Takes the unfinished line off the screen, so that another can be written. */
  clear(): void;
  redraw(): void;
  finish(): void;
}

/** "120/400 images", "31 images/s" and "9 s left" (or, at the end, the time it took). */
export function progressParts({ done, total, unit, rate, secondsLeft }: Progress, elapsedSeconds: number): string[] {
  const amount =
    unit === 'bytes'
      ? `${formatBytes(done)} of ${formatBytes(total)}`
      : `${formatCount(done)}/${formatCount(total)} ${unit}`;
  const parts = [amount];
  // What was there already was not done at any rate.
  const wasThere = done >= total && elapsedSeconds < 0.05;
  if (rate !== null && !wasThere)
    parts.push(unit === 'bytes' ? `${formatBytes(Math.round(rate))}/s` : `${formatRate(rate)} ${unit}/s`);
  if (done >= total) parts.push(formatSeconds(elapsedSeconds));
  else if (secondsLeft !== null) parts.push(`${formatSeconds(secondsLeft)} left`);
  return parts;
}
