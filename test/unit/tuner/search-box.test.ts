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

describe('SearchBox with groups', () => {
  const centre = [0.5, 0.3, 0.9];
  const groups = [
    { members: [0, 2], strides: [1, 0.5] },
    { members: [1], strides: [1] },
  ];

  it('moves the members of a group together, each by its stride', () => {
    const box = new SearchBox(centre, groups);
    expect(box.dimensions).toBe(2);
    const [a, b, c] = box.outer([0.75, 0.5]);
    expect(a - 0.5).toBeCloseTo(2 * (c - 0.9), 12);
    expect(b).toBeCloseTo(0.3, 12);
  });

  it('maps its own coordinates to the cube and back, where nothing is cut off', () => {
    const box = new SearchBox(centre, groups);
    const inner = [0.6, 0.2];
    box.inner(box.outer(inner))?.forEach((u, index) => expect(u).toBeCloseTo(inner[index], 12));
  });

  it('tells the move from the members that are not cut off', () => {
    const box = new SearchBox([0.5, 0.97], [{ members: [0, 1], strides: [1, 0.5] }]);
    for (const u of [0.6, 0.8, 0.9, 1]) expect(box.inner(box.outer([u]))?.[0]).toBeCloseTo(u, 12);
  });

  it('takes a point whose group moved apart for one outside', () => {
    expect(new SearchBox(centre, groups).inner([0.6, 0.3, 0.85])).toBeNull();
  });

  it('has no part of a coordinate in which all members of a group are cut off', () => {
    const box = new SearchBox([0, 0.02], [{ members: [0, 1], strides: [1, 1] }]);
    expect(box.outer([0])[1]).toBeCloseTo(0, 12);
    expect(box.outer([0.1])[1]).toBeGreaterThan(0);
  });
});
