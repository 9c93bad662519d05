import { describe, expect, it } from 'vitest';
import { type BestSoFar, keptOf } from '../../../lib/tuner/one-standard-error.js';

/** The looks kept after each, by their places; looks are [accuracy, loss]. */
function kept(images: number, looks: [number, number][]): number[] {
  let best: BestSoFar | null = null;
  return looks.map(([accuracy, loss], step) => {
    best = keptOf(best, { step, accuracy, loss }, images);
    return best.step;
  });
}

describe('the weights kept of a fine-tuning', () => {
  it('are those of the lowest loss where accuracies differ by no more than their noise', () => {
    const looks: [number, number][] = [
      [0.88, 0.5],
      [0.9, 0.6],
      [0.88, 0.4],
      [0.89, 0.45],
    ];
    // Of 100 images at 90%, a standard error is 3 points.
    expect(kept(100, looks)).toEqual([0, 0, 2, 2]);
  });

  it('are never more than a standard error below the highest accuracy, however low their loss', () => {
    const looks: [number, number][] = [
      [0.88, 0.1],
      [0.9, 0.6],
      [0.88, 0.05],
      [0.9, 0.5],
    ];
    // Of 10,000 images it is 0.3 points.
    expect(kept(10_000, looks)).toEqual([0, 1, 1, 3]);
  });

  it('are left for those of a new highest accuracy once they are too far below it, and not come back to', () => {
    const looks: [number, number][] = [
      [0.8, 0.3],
      [0.83, 0.5],
      [0.86, 0.6],
      [0.83, 0.4],
      [0.82, 0.2],
    ];
    // Of 100 images at 86%, 3.5 points: 83% is within, 82% and 80% are not.
    expect(kept(100, looks)).toEqual([0, 0, 2, 3, 3]);
  });

  it('are held against the highest accuracy, not against those kept: many small losses do not add up', () => {
    const looks: [number, number][] = [
      [0.9, 0.5],
      [0.88, 0.4],
      [0.86, 0.3],
      [0.84, 0.2],
    ];
    expect(kept(100, looks)).toEqual([0, 1, 1, 1]);
  });

  it('are the first of equal ones', () => {
    const looks: [number, number][] = [
      [0.9, 0.3],
      [0.9, 0.3],
    ];
    expect(kept(50, looks)).toEqual([0, 0]);
  });

  it('are those of the lowest loss where every image is right, or none', () => {
    const looks: [number, number][] = [
      [1, 0.3],
      [0.98, 0.1],
      [1, 0.2],
    ];
    expect(kept(50, looks)).toEqual([0, 0, 2]);
    expect(
      kept(
        50,
        looks.map(([, loss]) => [0, loss]),
      ),
    ).toEqual([0, 1, 1]);
  });

  it('do not depend on an interruption: a checkpoint has all that counts', () => {
    const looks = [
      [0.9, 0.6],
      [0.7, 0.1],
      [0.89, 0.5],
    ];
    let best: BestSoFar | null = null;
    for (const [step, [accuracy, loss]] of looks.entries()) {
      const restored = best === null ? null : (JSON.parse(JSON.stringify(best)) as BestSoFar);
      best = keptOf(restored, { step, accuracy, loss }, 400);
    }
    expect(best).toEqual({ step: 2, accuracy: 0.89, loss: 0.5, highest: 0.9 });
  });
});
