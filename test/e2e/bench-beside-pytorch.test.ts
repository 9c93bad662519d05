/** `bench train`, the speed part of `bench search`, and `bench tune`: with PyTorch beside where a Python has it. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { BenchReport, BenchRow } from '../../lib/bench/types.js';
import { makeFolder, runCli } from './support/cli.js';
import { pythonWithTorch } from './support/python.js';
import { makeSmallTask, type SmallTask } from './support/small-task.js';

const python = pythonWithTorch();
const NEEDED = 'a Python with torch, numpy and pillow: python3, or FINEPUNE_PYTHON';

async function report(words: readonly string[]): Promise<BenchReport & { stderr: string }> {
  const { status, stdout, stderr } = await runCli(['bench', ...words, '--threads', '1', '--json']);
  expect(status, stderr).toBe(0);
  return { ...(JSON.parse(stdout) as BenchReport), stderr };
}

function rowNamed({ rows }: BenchReport, name: string): BenchRow {
  const row = rows.find((candidate) => candidate.name === name);
  expect(row, name).toBeDefined();
  return row!;
}

const briefly = ['--model', 'demo', '--batch', '4', '--rounds', '2'];

describe('bench train', () => {
  const words = ['train', ...briefly, '--steps', '1'];

  it('measures this package alone where nothing is to be beside', async () => {
    const found = await report([...words, '--without-baseline']);
    expect(rowNamed(found, 'ours: a step').values).toHaveLength(2);
    expect(rowNamed(found, 'ours: waiting for images').worst).toBeLessThan(1);
    expect(rowNamed(found, 'ours: peak memory').median).toBeGreaterThan(10);
    expect(found.ratios).toEqual({});
    expect(found.machine).toMatchObject({ threads: 1, baseline: null });
  });

  it('says so where Python lacks torch, and measures the rest', async () => {
    const found = await report([...words, '--python', '/nowhere/python']);
    expect(found.stderr).toContain('no torch in /nowhere/python');
    expect(found.rows.some(({ name }) => name.startsWith('ours'))).toBe(true);
    expect(rowNamed(found, 'PyTorch, tuned: a step')).toMatchObject({ values: [], median: null });
    expect(rowNamed(found, 'PyTorch, tuned: a step').missing).toContain('no torch in /nowhere/python');
  });

  it.for([
    ['fp32', ['idiomatic', 'fused']],
    ['bf16', ['channels-last', 'tuned']],
  ] as const)('runs PyTorch beside in %s, which computes the same losses', async ([precision, variants], context) => {
    if (python === null) return context.skip(NEEDED);
    const wanted = ['--variants', variants.join(','), '--precision', precision, '--python', python];
    const found = await report([...words, ...wanted]);
    // Told where a variant was left out or its losses were not ours.
    expect(found.stderr).not.toContain('left out');
    expect(found.stderr).not.toContain('do not do the same');
    for (const variant of variants) {
      expect(rowNamed(found, `PyTorch, ${variant}: a step`).values).toHaveLength(2);
      expect(found.ratios[`PyTorch, ${variant} over ours`]).toBeGreaterThan(0);
    }
    expect(found.ratios['best PyTorch over ours']).toBeGreaterThan(0);
    expect(rowNamed(found, 'ours: fraction of the floor').worst).toBeGreaterThan(0);
    expect(found.machine.baseline).toHaveProperty('torch');
  });

  it.each([
    [['train'], '--model'],
    [['train', '--model', 'demoo'], 'demo'],
    [['train', '--model', 'demo', '--variants', 'slow'], 'idiomatic, channels-last, tuned, fused, compiled'],
    [['train', '--model', 'demo', '--precision', 'fp8'], 'fp32, tf32, bf16'],
    [['train', '--model', 'demo', '--batch', '0'], '--batch'],
    [['search', '--model', 'demo', '--parts', 'both'], 'methods, speed'],
    [['tune', '--model', 'demo'], '--out'],
    [['tune', '--rounds', '2000'], 'from 1 to 1000'],
    [
      ['tune', '--model', 'demo', '--weights', 'w', '--data', 'd', '--out', 'o', '--variants', 'fused'],
      'idiomatic, tuned',
    ],
  ])('refuses %j', async (bad, hint) => {
    const { status, stderr } = await runCli(['bench', ...bad]);
    expect(status).toBe(2);
    expect(stderr).toContain(hint);
  });
});

describe('bench search --parts speed', () => {
  const words = ['search', '--parts', 'speed', ...briefly, '--images', '10'];

  it('scores candidates on random images', async () => {
    const found = await report([...words, '--without-baseline']);
    expect(found.rows.map(({ name }) => name)).toEqual(['ours: candidates scored', 'ours: peak memory while scoring']);
    expect(found.rows[0].worst).toBeGreaterThan(0);
  });

  it('runs PyTorch beside, which finds the same errors', async (context) => {
    if (python === null) return context.skip(NEEDED);
    const found = await report([...words, '--python', python]);
    expect(found.stderr).not.toContain('do not do the same');
    expect(found.ratios['candidates a second: ours over PyTorch, idiomatic']).toBeGreaterThan(0);
    expect(found.ratios['candidates a second: ours over best PyTorch']).toBeGreaterThan(0);
  });
});

describe('bench tune', () => {
  let task: SmallTask;
  beforeAll(async () => {
    task = await makeSmallTask(20);
  });

  function wordsFor(out: string): string[] {
    return [
      ...['tune', '--data', task.data, '--model', task.model, '--weights', task.weights, '--out', out],
      ...[
        '--rounds',
        '2',
        '--evals',
        '4',
        '--steps',
        '4',
        '--warmup-steps',
        '4',
        '--finetune-steps',
        '13',
        '--batch',
        '8',
      ],
      ...['--max-drop', '0.4'],
    ];
  }

  it('goes on from what an interrupted benchmark measured', async () => {
    const out = join(makeFolder(), 'bench');
    const words = [...wordsFor(out), '--without-baseline'];
    await report([...words, '--seeds', '1']);
    const [task, first] = readFileSync(join(out, 'bench.jsonl'), 'utf8').split('\n');
    const found = await report([...words, '--seeds', '2']);
    const seconds = (JSON.parse(first) as { outcome: { seconds: { total: number } } }).outcome.seconds.total;
    expect(rowNamed(found, 'ours: whole run').values).toEqual([seconds, expect.any(Number)]);
    expect(readFileSync(join(out, 'bench.jsonl'), 'utf8').split('\n').slice(0, 2)).toEqual([task, first]);
    // The images decoded for the measurement go with it.
    expect(existsSync(join(out, 'seed-1', 'cache'))).toBe(false);
    const { status, stderr } = await runCli(['bench', ...words, '--threads', '1', '--max-drop', '0.1']);
    expect(status).toBe(1);
    expect(stderr).toContain('another task');
  });

  it('leaves a row of a run of PyTorch that failed, tells the rest, and tries it again', async () => {
    const out = join(makeFolder(), 'bench');
    const failing = join(makeFolder(), 'python');
    writeFileSync(
      failing,
      `#!/bin/sh\ncase "$1" in *versions.py) echo '{"torch": "2"}';; *) echo no memory >&2; exit 1;; esac\n`,
      { mode: 0o755 },
    );
    // Named twice, it is run once.
    const words = [...wordsFor(out), '--seeds', '1', '--variants', 'tuned,tuned', '--python', failing];
    for (let time = 0; time < 2; time += 1) {
      const found = await report(words);
      expect(rowNamed(found, 'ours: whole run').values).toHaveLength(1);
      expect(rowNamed(found, 'PyTorch, tuned, seed 1: whole run').missing).toContain('no memory');
      expect(found.rows.filter(({ missing }) => missing !== undefined)).toHaveLength(1);
      expect(found.ratios).toEqual({});
    }
    expect(readFileSync(join(out, 'bench.jsonl'), 'utf8').trimEnd().split('\n')).toHaveLength(2);
  });

  it('runs the same tuning in PyTorch', async (context) => {
    if (python === null) return context.skip(NEEDED);
    const out = join(makeFolder(), 'bench');
    const found = await report([...wordsFor(out), '--seeds', '1', '--variants', 'idiomatic,tuned', '--python', python]);
    for (const side of ['ours', 'PyTorch, idiomatic', 'PyTorch, tuned']) {
      expect(rowNamed(found, `${side}: compression`).worst, side).toBeGreaterThanOrEqual(1);
      expect(rowNamed(found, `${side}: compressed accuracy`).worst, side).toBeGreaterThan(0.4);
      expect(rowNamed(found, `${side}: train`).median, side).toBeGreaterThan(0);
      expect(rowNamed(found, `${side}: peak memory`).median, side).toBeGreaterThan(10);
    }
    expect(found.ratios['seconds: PyTorch, idiomatic over ours']).toBeGreaterThan(0);
  });
});
