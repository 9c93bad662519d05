/** `bench`: what it prints, and that each way to search does search. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BenchReport } from '../../lib/bench/types.js';
import { runCli } from './support/cli.js';
import { makeSmallTask, type SmallTask } from './support/small-task.js';

describe('bench bayes', () => {
  it('measures the optimizer on a function with a known minimum', async () => {
    const words = ['bench', 'bayes', '--parts', 'problems', '--problems', 'branin', '--seeds', '2'];
    const { status, stdout } = await runCli([...words, '--without-baseline', '--json']);
    expect(status).toBe(0);
    const { rows, ratios, machine } = JSON.parse(stdout) as BenchReport;
    expect(rows).toHaveLength(1);
    expect(rows[0].values).toHaveLength(2);
    expect(rows[0].median).toBeGreaterThanOrEqual(0);
    // Random search of 40 points stays above 0.1 nearly always.
    expect(rows[0].worst).toBeLessThan(0.05);
    expect(ratios).toEqual({});
    expect(machine.baseline).toBeNull();
    // Whatever the machine has, the optimizer is one thread.
    expect(machine.threads).toBe(1);
  });

  it('says so where the baseline is not there, and measures the rest', async () => {
    const words = ['bench', 'bayes', '--parts', 'problems', '--problems', 'branin', '--seeds', '1'];
    const { status, stdout, stderr } = await runCli([...words, '--python', '/nowhere/python']);
    expect(status).toBe(0);
    expect(stderr).toContain('no optuna in /nowhere/python');
    expect(stdout).toContain('branin (40)');
    expect(stdout).toContain('optuna: not measured, no optuna in /nowhere/python');
  });

  it.each([
    [['bench', 'bays'], 'did you mean bayes?'],
    [['bench', 'bayes', '--parts', 'everything'], 'problems, noise, drift, pruning, speed'],
    [['bench', 'bayes', '--problems', 'rosenbrock'], 'branin'],
    [['bench', 'search'], '--data'],
  ])('refuses %j', async (words, hint) => {
    const { status, stderr } = await runCli(words);
    expect(status).toBe(2);
    expect(stderr).toContain(hint);
  });
});

describe('bench search', () => {
  let task: SmallTask;
  beforeAll(async () => {
    task = await makeSmallTask(40);
  });

  it('compares the ways to search on a network after its warm-up, and goes on from what was written down', async () => {
    const out = mkdtempSync(join(tmpdir(), 'bench-search-'));
    const words = [
      ...['bench', 'search', '--data', task.data, '--model', task.model, '--weights', task.weights],
      ...['--evals', '8', '--drop', '0.2', '--threads', '1', '--out', out, '--json'],
    ];
    expect((await runCli([...words, '--parts', 'methods', '--seeds', '1'])).status).toBe(0);
    const journal = join(out, 'bench.jsonl');
    const written = readFileSync(journal, 'utf8').trimEnd().split('\n');
    expect(written).toHaveLength(1 + 5);
    // As if it had been cut off after two searches of the first seed.
    writeFileSync(journal, written.slice(0, 3).join('\n') + '\n');
    const { status, stdout } = await runCli([...words, '--seeds', '2']);
    const again = readFileSync(journal, 'utf8').trimEnd().split('\n');
    expect(again).toHaveLength(1 + 10);
    const traces = (lines: string[]): unknown[] =>
      lines.slice(1, 6).map((line) => (JSON.parse(line) as { outcome: { trace: unknown } }).outcome.trace);
    expect(traces(again)).toEqual(traces(written));
    const other = await runCli([...words.map((word) => (word === '8' ? '9' : word)), '--seeds', '2']);
    expect(other.status).toBe(1);
    expect(other.stderr).toContain('another task');
    expect(other.stderr).toContain('evaluations: 8 there, 9 here');
    expect(status).toBe(0);
    const { rows, ratios, machine } = JSON.parse(stdout) as BenchReport;
    expect(machine).toMatchObject({ gpu: null, threads: 1 });
    const last = (name: string): BenchReport['rows'][number] => rows.find((row) => row.name === `${name} (8)`)!;
    for (const name of ['ours', 'ours, no racing', 'global threshold', 'random search', 'ECCV 2018']) {
      expect(last(name).values, name).toHaveLength(2);
      expect(last(name).worst, name).toBeGreaterThanOrEqual(1);
    }
    expect(last('ours').median).toBeGreaterThan(1.2);
    expect(last('ours').median).toBeGreaterThanOrEqual(rows.find((row) => row.name === 'ours (2)')!.median);
    // Racing reads the unpruned network, too.
    expect(ratios['images read: racing over no racing']).toBeLessThanOrEqual(1 + 1 / 8);
  });

  it('says so where the device asked for is not there, and searches on no other', async () => {
    const words = ['bench', 'search', '--data', task.data, '--model', task.model, '--weights', task.weights];
    const { status, stderr } = await runCli([...words, '--parts', 'methods', '--device', 'cuda:64']);
    expect(status).toBe(1);
    expect(stderr).toContain('E_DEVICE');
  });
});

describe('bench codec', () => {
  it('sets the code beside zlib, a copy and the bound at each density', async () => {
    const words = ['bench', 'codec', '--densities', '0.3,0.05', '--thousands', '1', '--repetitions', '2'];
    const { status, stdout } = await runCli([...words, '--json']);
    expect(status).toBe(0);
    const { rows, ratios } = JSON.parse(stdout) as BenchReport;
    expect(rows).toHaveLength(2 * 3 * 3);
    for (const density of [0.3, 0.05]) {
      expect(ratios[`density ${density}: bytes, ours / bound`]).toBeLessThan(1.03);
      expect(ratios[`density ${density}: bytes, ours / zlib`]).toBeLessThan(1);
    }
  });

  it('measures a density once that is given twice, and has no bound where no weight is kept', async () => {
    const words = ['bench', 'codec', '--densities', '1e-9, 1e-9', '--thousands', '1', '--repetitions', '1'];
    const { rows, ratios, machine } = JSON.parse((await runCli([...words, '--json'])).stdout) as BenchReport;
    expect(rows).toHaveLength(3 * 3);
    expect(Object.values(ratios).every(Number.isFinite)).toBe(true);
    expect(machine.baseline).toHaveProperty('zlib');
  });

  it('refuses a density above 1', async () => {
    const { status, stderr } = await runCli(['bench', 'codec', '--densities', '2']);
    expect(status).toBe(2);
    expect(stderr).toContain('--densities');
  });
});
