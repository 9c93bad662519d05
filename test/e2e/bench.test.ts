/** `bench`: what it prints, and that each way to search does search. */
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
  });

  it('says so where the baseline is not there, and measures the rest', async () => {
    const words = ['bench', 'bayes', '--parts', 'problems', '--problems', 'branin', '--seeds', '1'];
    const { status, stdout, stderr } = await runCli([...words, '--python', '/nowhere/python']);
    expect(status).toBe(0);
    expect(stderr).toContain('no optuna in /nowhere/python');
    expect(stdout).toContain('branin (40)');
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

  it('compares the ways to search on a network after its warm-up', async () => {
    const { status, stdout } = await runCli([
      ...['bench', 'search', '--data', task.data, '--model', task.model, '--weights', task.weights],
      ...['--seeds', '2', '--evals', '8', '--drop', '0.2', '--json'],
    ]);
    expect(status).toBe(0);
    const { rows, ratios } = JSON.parse(stdout) as BenchReport;
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

  it('refuses a density above 1', async () => {
    const { status, stderr } = await runCli(['bench', 'codec', '--densities', '2']);
    expect(status).toBe(2);
    expect(stderr).toContain('--densities');
  });
});
