import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../lib/errors.js';
import { checkOptions, completeConfig } from '../../../lib/tuner/config.js';
import type { TuneOptions } from '../../../lib/run/types.js';

const OWN = { data: 'd', model: 'alexnet', weights: 'w', out: 'o' };

describe('checkOptions', () => {
  it.each<[string, TuneOptions]>([
    ['rounds', { rounds: -1 }],
    ['rounds', { rounds: 1.5 }],
    ['evaluations', { evaluations: NaN }],
    ['learningRate', { learningRate: 0 }],
    ['learningRate', { learningRate: -0.1 }],
    ['maxDrop', { maxDrop: 1 }],
    ['maxDrop', { maxDrop: NaN }],
    ['lambda', { lambda: 0 }],
    ['momentum', { momentum: 1 }],
    ['batchSize', { batchSize: 0 }],
    ['seed', { seed: -1 }],
    ['threads', { threads: Infinity }],
    ['split', { split: 0 }],
  ])('refuses a %s out of range by name', (name, options) => {
    expect(() => checkOptions(options)).toThrow(UsageError);
    expect(() => checkOptions(options)).toThrow(new RegExp(`^${name} is`));
  });

  it('refuses an unknown criterion with the known ones', () => {
    expect(() => checkOptions({ criterion: 'magic' as 'dns' })).toThrow(/choose one of: dns/);
  });

  it('refuses both modes at once', () => {
    expect(() => checkOptions({ maxDrop: 0.01, lambda: 1 })).toThrow(/two modes/);
  });

  it('names what a run of your own still needs', () => {
    expect(() => checkOptions({ data: 'd' })).toThrow(/--model and --weights/);
    expect(() => checkOptions({ ...OWN })).not.toThrow();
    expect(() => checkOptions({})).not.toThrow();
  });
});

describe('completeConfig', () => {
  it('keeps what was given and turns passes over the images into steps', () => {
    const config = completeConfig(
      { ...OWN, rounds: 3, batchSize: 10, roundSteps: 7 },
      { fitImages: 100, freshShare: 0, demo: false },
    );
    expect(config).toMatchObject({ rounds: 3, batchSize: 10, roundSteps: 7, maxDrop: 0.01, lambda: null });
    expect(config.warmupSteps % 10).toBe(0);
  });

  it('has no budget in paper mode', () => {
    const config = completeConfig({ ...OWN, lambda: 0.5 }, { fitImages: 100, freshShare: 0, demo: false });
    expect(config).toMatchObject({ maxDrop: null, lambda: 0.5 });
  });

  it('warms up longer where most of the network starts fresh', () => {
    const steps = (freshShare: number): number =>
      completeConfig({ ...OWN }, { fitImages: 400, freshShare, demo: false }).warmupSteps;
    expect(steps(0.9)).toBeGreaterThan(steps(0.1));
  });
});
