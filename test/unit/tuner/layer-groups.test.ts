import { describe, expect, it } from 'vitest';
import { groupLayers, groupsInRound } from '../../../lib/tuner/layer-groups.js';

const layersOf = (...counts: number[]): { count: number }[] => counts.map((count) => ({ count }));

describe('groupLayers', () => {
  it('merges small neighbours and leaves large layers alone', () => {
    expect(groupLayers(layersOf(10, 10, 1000, 10, 10, 900), 4)).toEqual([[0, 1], [2], [3, 4], [5]]);
  });

  it('puts every layer into exactly one group, in network order', () => {
    const groups = groupLayers(layersOf(...Array.from({ length: 26 }, (_, index) => 1 + ((index * 7) % 11))), 8);
    expect(groups).toHaveLength(8);
    expect(groups.flat()).toEqual(Array.from({ length: 26 }, (_, index) => index));
  });

  it('groups nothing where as many groups as layers are asked for', () => {
    expect(groupLayers(layersOf(1, 2, 3), 3)).toEqual([[0], [1], [2]]);
  });
});

describe('groupsInRound', () => {
  it('never groups a network of 20 layers or fewer', () => {
    expect(groupsInRound(20, 1, 6)).toBe(20);
  });

  it('takes few groups of a deep network at first, and all its layers in the end', () => {
    const counts = [1, 2, 3, 4, 5, 6].map((round) => groupsInRound(26, round, 6));
    expect(counts[0]).toBe(8);
    expect(counts.at(-1)).toBe(26);
    expect(groupsInRound(26, 3, 6)).toBe(18);
    counts.slice(1).forEach((count, index) => expect(count).toBeGreaterThanOrEqual(counts[index]));
  });

  it.each([2, 3, 40])('has every layer on its own by the last of %i rounds', (rounds) => {
    expect(groupsInRound(60, rounds, rounds)).toBe(60);
  });

  it('has no more groups than the optimizer takes coordinates, and few where there is one round only', () => {
    expect(groupsInRound(400, 3, 3)).toBe(256);
    expect(groupsInRound(400, 1, 1)).toBe(8);
  });
});
