import { describe, expect, it } from 'vitest';
import { type TrainMeasurements, ratiosOf, rowsOf } from '../../../lib/bench/train/summary.js';
import { loadSpec } from '../../../lib/models/index.js';

const turn = (seconds: number, peakBytes = 100) => ({ seconds, peakBytes });

/** A machine that became three times slower in the last round. */
const measured: TrainMeasurements = {
  batchSize: 32,
  ours: [
    { seconds: 1, waiting: 0.1 },
    { seconds: 1, waiting: 0.2 },
    { seconds: 3, waiting: 0.6 },
  ],
  variants: new Map([
    ['idiomatic', [turn(6), turn(6), turn(18)]],
    ['tuned', [turn(2, 50), turn(2, 200), turn(9)]],
  ]),
  peakBytes: 100,
  floor: null,
};

describe('ratiosOf bench train', () => {
  it('compares turn by turn, so that a machine that slows down slows both', () => {
    const ratios = ratiosOf(measured);
    expect(ratios['PyTorch, idiomatic over ours']).toBe(6);
    expect(ratios['PyTorch, tuned over ours']).toBe(2);
  });

  it('takes the variant with the shortest median step as the best, and its largest peak', () => {
    const ratios = ratiosOf(measured);
    expect(ratios['best PyTorch over ours']).toBe(2);
    expect(ratios['peak memory: ours over best PyTorch']).toBe(0.5);
  });

  it('has neither a best nor a floor where nothing was beside', () => {
    expect(ratiosOf({ ...measured, variants: new Map() })).toEqual({});
  });

  it('puts the median step over the floor', () => {
    const floor = { spec: loadSpec('lenet5'), rates: { arithmetic: Infinity, copy: 1 } };
    const rows = rowsOf({ ...measured, floor });
    const seconds = rows.find(({ name }) => name === 'floor: a step')!.median;
    expect(ratiosOf({ ...measured, floor })['ours over the floor']).toBe(1 / seconds);
    expect(rows.find(({ name }) => name === 'ours: fraction of the floor')!.values).toEqual([
      seconds,
      seconds,
      seconds / 3,
    ]);
  });
});

describe('rowsOf bench train', () => {
  it('shows seconds, speed, waiting and memory of each', () => {
    const rows = rowsOf(measured);
    const row = (name: string) => rows.find((candidate) => candidate.name === name)!;
    expect(row('ours: a step')).toMatchObject({ unit: 'seconds', median: 1, worst: 3, medianSeconds: 1 });
    expect(row('ours: speed').median).toBe(32);
    expect(row('ours: waiting for images').median).toBe(0.2);
    expect(row('PyTorch, tuned: peak memory').median).toBe(200 / 2 ** 20);
    expect(rows.some(({ name }) => name.startsWith('floor'))).toBe(false);
  });
});
