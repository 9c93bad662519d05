import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BenchJournal } from '../../../lib/bench/journal.js';
import { ratiosOf, rowsOf } from '../../../lib/bench/tune/summary.js';
import type { TuneOutcome, TuneTask } from '../../../lib/bench/tune/types.js';
import { RunError } from '../../../lib/errors.js';

const outcome = (total: number, compressed: number, compression = 4, peakRssBytes = 2 ** 20): TuneOutcome => ({
  accuracy: { dense: 0.9, compressed },
  compression,
  seconds: { decode: 1, search: 2, train: 3, total },
  peakRssBytes,
});

describe('bench tune', () => {
  it('pairs the seeds: time, memory and compression as ratios, accuracy as a difference', () => {
    const outcomes = new Map([
      ['ours', [outcome(10, 0.8), outcome(20, 0.9), outcome(30, 0.7)]],
      ['PyTorch, idiomatic', [outcome(30, 0.7, 2), outcome(60, 0.85, 2), outcome(60, 0.7, 2, 2 ** 21)]],
    ]);
    const ratios = ratiosOf(outcomes);
    expect(ratios['seconds: PyTorch, idiomatic over ours']).toBe(3);
    expect(ratios['compression: ours over PyTorch, idiomatic']).toBe(2);
    expect(ratios['peak memory: ours over PyTorch, idiomatic']).toBe(1);
    expect(ratios['compressed accuracy: ours less PyTorch, idiomatic']).toBeCloseTo(0.05);
    const whole = rowsOf(outcomes).find(({ name }) => name === 'ours: whole run');
    expect(whole).toMatchObject({ values: [10, 20, 30], worst: 30, medianSeconds: 20 });
  });
});

describe('BenchJournal', () => {
  const task: TuneTask = { model: 'demo', data: '/data', weights: '/weights' };
  let out: string;
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), 'finepune-bench-test-'));
  });
  afterEach(() => rmSync(out, { recursive: true }));

  it('remembers what was measured, by seed and side, past a torn last line', () => {
    using first = BenchJournal.open(out, task);
    first.add(1, 'ours', outcome(10, 0.8));
    appendFileSync(join(out, 'bench.jsonl'), '{"seed": 2, "si');
    using second = BenchJournal.open(out, task);
    expect(second.find(1, 'ours')).toEqual(outcome(10, 0.8));
    expect(second.find(1, 'PyTorch, idiomatic')).toBeUndefined();
    expect(second.find(2, 'ours')).toBeUndefined();
  });

  it('refuses measurements of another task, and says what differs', () => {
    using first = BenchJournal.open(out, task);
    first.add(1, 'ours', outcome(10, 0.8));
    const other = (): unknown => BenchJournal.open(out, { ...task, rounds: 3 });
    expect(other).toThrow(RunError);
    expect(other).toThrow(/another task \(rounds: none there, 3 here\); give another --out/);
  });

  it('refuses what a version that wrote down less of the task has measured', () => {
    using first = BenchJournal.open(out, task);
    expect(first.find(1, 'ours')).toBeUndefined();
    expect(() => BenchJournal.open(out, { ...task, device: 'cpu', precision: 'fp32' })).toThrow(
      /\(device: none there, "cpu" here; precision: none there, "fp32" here\)/,
    );
  });

  it('takes a flag that is given as undefined for one that is not', () => {
    using first = BenchJournal.open(out, { ...task, split: undefined });
    first.add(1, 'ours', outcome(10, 0.8));
    using second = BenchJournal.open<TuneOutcome>(out, { ...task, rounds: undefined });
    expect(second.find(1, 'ours')).toEqual(outcome(10, 0.8));
  });
});
