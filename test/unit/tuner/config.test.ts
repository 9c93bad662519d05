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
    // The native side uses seeds up to one more.
    ['seed', { seed: Number.MAX_SAFE_INTEGER }],
  ])('refuses a %s out of range by name', (name, options) => {
    expect(() => checkOptions(options)).toThrow(UsageError);
    expect(() => checkOptions(options)).toThrow(new RegExp(`^expected a .*number .* for ${name} but received`));
  });

  it.each<[string, object, RegExp]>([
    ['partial', { partial: 'yes' }, /^expected true or false for partial but received "yes"$/],
    ['strict', { strict: 1 }, /^expected true or false for strict but received 1$/],
    ['rounds', { rounds: '3' }, /^expected a whole number from 1 to 1000 for rounds but received "3"$/],
    ['rounds', { rounds: null }, /for rounds but received null$/],
    ['data', { data: '' }, /^expected a path or null for data but received ""$/],
  ])('refuses a %s of a wrong type', (_, options, message) => {
    expect(() => checkOptions(options)).toThrow(UsageError);
    expect(() => checkOptions(options)).toThrow(message);
  });

  it('refuses a field it does not know with the one that may be meant', () => {
    expect(() => checkOptions({ maxdrop: 1 } as TuneOptions)).toThrow(
      /unknown option "maxdrop" of tune; did you mean maxDrop\?/,
    );
  });

  it('takes what is undefined for not given, and null where a config.json has it', () => {
    const { signal } = new AbortController();
    expect(() => checkOptions({ rounds: undefined, maxDrop: null, lambda: null, split: null, signal })).not.toThrow();
    const config = completeConfig({ ...OWN }, { fitImages: 1, freshShare: 0, demo: false });
    expect(() => checkOptions(config)).not.toThrow();
  });

  it('refuses an unknown criterion with the known ones', () => {
    expect(() => checkOptions({ criterion: 'magic' as 'dns' })).toThrow(
      /expected "dns" for criterion but received "magic"/,
    );
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
