import { describe, expect, it } from 'vitest';
import { decayFactor, slackOfRound, warmupFactor } from '../../../lib/tuner/schedule.js';

describe('learning rate', () => {
  it('rises to its base within the first steps of the warm-up and stays', () => {
    expect(warmupFactor(0)).toBeCloseTo(0.1);
    expect(warmupFactor(9)).toBe(1);
    expect(warmupFactor(500)).toBe(1);
  });

  it('falls along half a cosine', () => {
    expect(decayFactor('cosine', 0, 100)).toBe(1);
    expect(decayFactor('cosine', 50, 100)).toBeCloseTo(0.5);
    expect(decayFactor('cosine', 99, 100)).toBeGreaterThan(0);
  });

  it('falls tenfold at one half and at three quarters', () => {
    expect([0, 49, 50, 75].map((step) => decayFactor('step', step, 100))).toEqual([1, 1, 0.1, 0.01]);
  });
});

describe('slack', () => {
  it('starts at its initial value, ends at the tolerated drop, and never rises', () => {
    const slacks = [1, 2, 3, 4, 5].map((round) => slackOfRound(round, 5, 0.15, 0.01));
    expect(slacks[0]).toBeCloseTo(0.15);
    expect(slacks[4]).toBeCloseTo(0.01);
    for (let index = 1; index < slacks.length; index++) expect(slacks[index]).toBeLessThan(slacks[index - 1]);
  });

  it('is the tolerated drop where there is one round', () => {
    expect(slackOfRound(1, 1, 0.15, 0.01)).toBe(0.01);
  });
});
