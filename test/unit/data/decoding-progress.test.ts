import { expect, it, onTestFinished, vi } from 'vitest';
import { decodingProgress } from '../../../lib/data/index.js';
import type { ProgressEvent } from '../../../lib/progress.js';

it('tells of decoding from what is there already, at the rate of what is decoded now', () => {
  vi.useFakeTimers({ toFake: ['performance'] });
  onTestFinished(() => void vi.useRealTimers());
  const told: Pick<ProgressEvent, 'done' | 'total' | 'rate' | 'secondsLeft'>[] = [];
  const onProgress = decodingProgress(120, ({ event: _event, task: _task, unit: _unit, ...rest }) => told.push(rest));
  vi.advanceTimersByTime(60_000); // hashing
  onProgress({ done: 90, total: 100 });
  vi.advanceTimersByTime(2000);
  onProgress({ done: 94, total: 100 });
  expect(told).toEqual([
    { done: 0, total: 120, rate: null, secondsLeft: null },
    { done: 90, total: 100, rate: null, secondsLeft: null },
    { done: 94, total: 100, rate: 2, secondsLeft: 3 },
  ]);
});
