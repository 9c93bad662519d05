import { describe, expect, it } from 'vitest';
import { type BestSoFar, keptOf } from '../../../lib/tuner/one-standard-error.js';

/** The looks kept after each, by their places. */
function kept(images: number, accuracies: number[]): number[] {
  let best: BestSoFar | null = null;
  return accuracies.map((accuracy, step) => {
    best = keptOf(best, { step, accuracy }, images);
    return best.step;
  });
}

describe('the weights kept of a fine-tuning', () => {
  it('are the latest where accuracies differ by no more than their noise', () => {
    // Of 100 images at 90%, a standard error is 3 points.
    expect(kept(100, [0.88, 0.9, 0.88, 0.89, 0.875])).toEqual([0, 1, 2, 3, 4]);
  });

  it('are those before where the network has become worse than noise explains', () => {
    expect(kept(100, [0.9, 0.86, 0.85, 0.88, 0.8])).toEqual([0, 0, 0, 3, 3]);
    // Of 10,000 images it is 0.3 points.
    expect(kept(10_000, [0.88, 0.9, 0.88, 0.898, 0.896])).toEqual([0, 1, 1, 3, 3]);
  });

  it('are held against the highest accuracy, not against those kept: many small losses do not add up', () => {
    expect(kept(100, [0.9, 0.88, 0.86, 0.84])).toEqual([0, 1, 1, 1]);
  });

  it('are left for a new highest accuracy, however little higher', () => {
    expect(kept(100, [0.9, 0.85, 0.901])).toEqual([0, 0, 2]);
  });

  it('are the latest of those that know every image, or none', () => {
    expect(kept(50, [1, 0.98, 1, 0.98])).toEqual([0, 0, 2, 2]);
    expect(kept(50, [0, 0])).toEqual([0, 1]);
  });

  it('do not depend on an interruption: a checkpoint has all that counts', () => {
    const looks = [0.9, 0.7, 0.89];
    let best: BestSoFar | null = null;
    for (const [step, accuracy] of looks.entries()) {
      best = keptOf(best === null ? null : (JSON.parse(JSON.stringify(best)) as BestSoFar), { step, accuracy }, 400);
    }
    expect(best).toEqual({ step: 2, accuracy: 0.89, highest: 0.9 });
  });
});
