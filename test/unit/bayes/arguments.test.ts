/** What JavaScript may give to the optimizer and must not. */
import { describe, expect, it } from 'vitest';
import { BayesianOptimizer } from '../../../lib/bayes/index.js';
import { UsageError } from '../../../lib/errors.js';

const POINT = [0.5, 0.5];
const make = (options: object = {}): BayesianOptimizer =>
  new BayesianOptimizer({ dimensions: 2, seed: 1, constraints: 1, ...options });
/** Told of a point that is fine. */
const tell = (evaluation: unknown, point: unknown = POINT): void => make().tell(point as number[], evaluation as never);

describe('BayesianOptimizer', () => {
  it.each<[string, () => unknown, RegExp]>([
    [
      'no options',
      () => new BayesianOptimizer(undefined as never),
      /expected an object of options but received undefined/,
    ],
    ['dimensions that are text', () => make({ dimensions: '2' }), /for dimensions but received "2"/],
    ['a strategy that is a number', () => make({ strategy: 5 }), /for strategy but received 5/],
    ['a trend that is no flag', () => make({ trend: 'yes' }), /expected true or false for trend but received "yes"/],
    [
      'warping that is no flag',
      () => make({ warpConstraints: 1 }),
      /expected true or false for warpConstraints but received 1/,
    ],
    ['a safe point that is none', () => make({ safe: 5 }), /safe: expected a point in \[0, 1\]\^2 but received 5/],
    [
      'a known objective that is no function',
      () => make({ objective: 5 }),
      /expected a function for objective but received 5/,
    ],
    [
      'a known constraint that is none',
      () => make({ knownConstraints: [5] }),
      /expected an object such as \{ value \} for knownConstraints\[0\] but received 5/,
    ],
    [
      'a known constraint without a function',
      () => make({ knownConstraints: [{}] }),
      /expected a function for knownConstraints\[0\]\.value but received undefined/,
    ],
    [
      'known constraints that are no list',
      () => make({ knownConstraints: {} }),
      /expected an array for knownConstraints but received an object/,
    ],
    [
      'a point that is undefined',
      () => tell({ objective: 1, constraints: [0] }, null),
      /tell: expected a point .* but received null/,
    ],
    [
      'a point of text',
      () => tell({ objective: 1, constraints: [0] }, ['0.5', '0.5']),
      /tell: expected a point .* but received \["0.5", "0.5"\]/,
    ],
    [
      'no evaluation',
      () => tell(undefined),
      /tell: expected an object such as \{ objective: 1 \} but received undefined/,
    ],
    ['an evaluation that is a number', () => tell(5), /tell: expected an object .* but received 5/],
    ['an objective that is text', () => tell({ objective: '5', constraints: [0] }), /for objective but received "5"/],
    [
      'constraints that are no list',
      () => tell({ objective: 1, constraints: 5 }),
      /expected an array for constraints but received 5/,
    ],
    [
      'a constraint that is text',
      () => tell({ objective: 1, constraints: ['0'] }),
      /for constraints\[0\] but received "0"/,
    ],
    [
      'a noise variance that is text',
      () => tell({ objective: 1, constraints: [0], noiseVariance: '1' }),
      /noise variance .* but received "1"/,
    ],
    ['a time that is text', () => tell({ objective: 1, constraints: [0], time: '1' }), /for time but received "1"/],
    ['a failure that is no flag', () => tell({ failed: 'no' }), /expected true or false for failed but received "no"/],
    [
      'a point in line that is undefined',
      () => make().enqueue(undefined as never),
      /enqueue: expected a point .* but received undefined/,
    ],
    [
      'a time to advance to that is text',
      () => make().advance('1' as never),
      /advance: expected a finite time .* but received "1"/,
    ],
    [
      'a count that is text',
      () => make().ask('2' as never),
      /ask: expected a positive integer for count but received "2"/,
    ],
    [
      'functions to restore with that are null',
      () => BayesianOptimizer.restore(make().state(), null as never),
      /expected an object of functions but received null/,
    ],
  ])('refuses %s', (_, call, message) => {
    expect(call).toThrow(UsageError);
    expect(call).toThrow(message);
  });

  it('takes undefined for not given', () => {
    const optimizer = make({ initial: undefined, safe: undefined, objective: undefined, knownConstraints: undefined });
    optimizer.tell(POINT, {
      objective: 1,
      constraints: [0],
      noiseVariance: undefined,
      time: undefined,
      failed: undefined,
    });
    expect(optimizer.best()).toMatchObject({ point: POINT, objective: 1 });
  });
});
