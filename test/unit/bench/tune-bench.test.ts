import { appendFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { BenchJournal } from '../../../lib/bench/journal.js';
import { tuneOurs, tunePyTorch } from '../../../lib/bench/tune/sides.js';
import { ratiosOf, rowsOf } from '../../../lib/bench/tune/summary.js';
import type { TuneOutcome, TuneTask } from '../../../lib/bench/tune/types.js';
import { FileError, RunError } from '../../../lib/errors.js';
import { acquireRunLock } from '../../../lib/run/run-lock.js';

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

  it('pairs only the seeds in which neither side failed', () => {
    const outcomes = new Map([
      ['ours', [outcome(10, 0.8), outcome(20, 0.9), outcome(30, 0.7)]],
      ['PyTorch, tuned', [outcome(20, 0.7), null, outcome(60, 0.7)]],
      ['PyTorch, idiomatic', [null, null, null]],
    ]);
    const ratios = ratiosOf(outcomes);
    expect(ratios['seconds: PyTorch, tuned over ours']).toBe(2);
    expect(Object.keys(ratios).some((name) => name.includes('idiomatic'))).toBe(false);
    const rows = rowsOf(outcomes);
    expect(rows.find(({ name }) => name === 'PyTorch, tuned: whole run')?.values).toEqual([20, 60]);
    expect(rows.some(({ name }) => name.includes('idiomatic'))).toBe(false);
  });
});

describe('the sides of bench tune', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'finepune-bench-test-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const side = (): Parameters<typeof tuneOurs>[0] => ({
    task: { model: 'demo', data: folder, weights: 'none' },
    seed: 1,
    folder,
  });

  it('leave a run alone that a killed benchmark left behind and that is still under way', async () => {
    const run = join(folder, 'ours');
    mkdirSync(run);
    writeFileSync(join(run, 'config.json'), '{}');
    const lock = acquireRunLock(run);
    await expect(tuneOurs(side())).rejects.toThrow(`in use by process ${process.pid}`);
    expect(existsSync(join(run, 'config.json'))).toBe(true);
    lock.release();
  });

  it('say so where our run is gone, which the other side needs', async () => {
    await expect(tunePyTorch('python3', 'tuned', side())).rejects.toThrow(RunError);
    await expect(tunePyTorch('python3', 'tuned', side())).rejects.toThrow(/config\.json is gone/);
  });
});

describe('BenchJournal', () => {
  const task: TuneTask = { model: 'demo', data: '/data', weights: '/weights' };
  let out: string;
  beforeEach(() => {
    out = mkdtempSync(join(tmpdir(), 'finepune-bench-test-'));
  });
  afterEach(() => rmSync(out, { recursive: true }));

  function measureOne(of: TuneTask): void {
    using journal = BenchJournal.open(out, of);
    journal.add(1, 'ours', outcome(10, 0.8));
  }

  it('lets the task be mended as long as nothing was measured', () => {
    BenchJournal.open(out, { ...task, weights: '/wieghts' })[Symbol.dispose]();
    measureOne(task);
    using journal = BenchJournal.open(out, task);
    expect(journal.find(1, 'ours')).toEqual(outcome(10, 0.8));
  });

  it('keeps others from the folder while it is open', () => {
    using journal = BenchJournal.open(out, task);
    expect(() => BenchJournal.open(out, task)).toThrow(/in use by process/);
    expect(journal.find(1, 'ours')).toBeUndefined();
  });

  it('names the folder that cannot be made', () => {
    const file = join(out, 'file');
    writeFileSync(file, '');
    expect(() => BenchJournal.open(join(file, 'folder'), task)).toThrow(FileError);
  });

  it('remembers what was measured, by seed and side, past a torn last line', () => {
    measureOne(task);
    appendFileSync(join(out, 'bench.jsonl'), '{"seed": 2, "si');
    using second = BenchJournal.open(out, task);
    expect(second.find(1, 'ours')).toEqual(outcome(10, 0.8));
    expect(second.find(1, 'PyTorch, idiomatic')).toBeUndefined();
    expect(second.find(2, 'ours')).toBeUndefined();
  });

  it('refuses measurements of another task, and says what differs', () => {
    measureOne(task);
    const other = (): unknown => BenchJournal.open(out, { ...task, rounds: 3 });
    expect(other).toThrow(RunError);
    expect(other).toThrow(/another task \(rounds: none there, 3 here\); give another --out/);
  });

  it('refuses what a version that wrote down less of the task has measured', () => {
    measureOne(task);
    expect(() => BenchJournal.open(out, { ...task, device: 'cpu', precision: 'fp32' })).toThrow(
      /\(device: none there, "cpu" here; precision: none there, "fp32" here\)/,
    );
  });

  it('takes a flag that is given as undefined for one that is not', () => {
    measureOne({ ...task, split: undefined });
    using second = BenchJournal.open<TuneOutcome>(out, { ...task, rounds: undefined });
    expect(second.find(1, 'ours')).toEqual(outcome(10, 0.8));
  });
});
