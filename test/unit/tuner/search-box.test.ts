import { describe, expect, it } from 'vitest';
import { SearchBox } from '../../../lib/tuner/search-box.js';

describe('SearchBox', () => {
  it('maps its own coordinates to the cube and back', () => {
    const box = new SearchBox([0.5, 0.3]);
    const inner = [0.25, 0.75];
    box.inner(box.outer(inner))?.forEach((u, index) => expect(u).toBeCloseTo(inner[index], 12));
    box.outer([0.5, 0.5]).forEach((x, index) => expect(x).toBeCloseTo([0.5, 0.3][index], 12));
  });

  it('is cut off at the faces of the cube', () => {
    const box = new SearchBox([0, 1]);
    expect(box.outer([0, 1])).toEqual([0, 1]);
    for (const x of [...box.outer([1, 0]), ...box.outer([0, 0])]) {
      expect(x).toBeGreaterThanOrEqual(0);
      expect(x).toBeLessThanOrEqual(1);
    }
  });

  it('knows what is outside', () => {
    expect(new SearchBox([0.5, 0.5]).inner([0.9, 0.5])).toBeNull();
  });
});
