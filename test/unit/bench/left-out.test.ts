/** PyTorch variants that cannot run, or end in the middle: what is measured of the others stands. */
import { describe, expect, it } from 'vitest';
import { Scorers } from '../../../lib/bench/search/pytorch-scorers.js';
import { ratiosOf, rowsOf } from '../../../lib/bench/search/speed-summary.js';
import type { SyntheticTask } from '../../../lib/bench/synthetic-task.js';
import { Baselines } from '../../../lib/bench/train/baselines.js';
import { missingRowsOf } from '../../../lib/bench/train/summary.js';
import { TRAIN_VARIANTS } from '../../../lib/bench/train/variants.js';
import { loadSpec } from '../../../lib/models/index.js';
import { fakePython, VERSIONS } from './fake-python.js';

const task = {
  spec: loadSpec('lenet5'),
  samples: { labels: Int32Array.of(0, 1) },
} as unknown as SyntheticTask;

const common = { batchSize: 2, threads: 1, precision: 'fp32', device: 'cpu' } as const;

/** Fails in the setup of "compiled", and dies in the second turn of "tuned" (the warm-up is no turn). */
const failing = (answer: string): string =>
  fakePython(`
    ${VERSIONS}
    read setup
    case "$setup" in
      *'"compiled"'*) echo '{"error": "no compiler"}'; exit;;
      *'"tuned"'*) left=2;;
      *) left=100;;
    esac
    echo '{}'
    while read request; do
      case "$request" in *turn*) left=$((left - 1));; esac
      if [ $left -lt 0 ]; then echo killed >&2; exit 1; fi
      echo '${answer}'
    done`);

describe('bench train', () => {
  const begin = async (python: string, notes: string[]): Promise<Baselines> => {
    const baselines = new Baselines();
    const compared = { ourLosses: [1, 1], steps: { compared: 2, warmUp: 1 } };
    const options = { ...common, python, onNote: (text: string) => void notes.push(text) };
    // Twice the same variant is one.
    await baselines.start(task, compared, { ...options, variants: ['idiomatic', ...TRAIN_VARIANTS] });
    return baselines;
  };

  it('leaves out what fails, with the reason in a row, and keeps the others', async () => {
    const notes: string[] = [];
    const answer = '{"losses": [1, 1], "seconds": [1], "peakBytes": 1}';
    using baselines = await begin(failing(answer), notes);
    for (let round = 0; round < 3; round++) await baselines.turns(1);
    expect([...baselines.measured.keys()]).toEqual(['idiomatic', 'channels-last', 'fused']);
    for (const turns of baselines.measured.values()) expect(turns).toHaveLength(3);
    expect(missingRowsOf(baselines.missing)).toMatchObject([
      { name: 'PyTorch, compiled: a step', missing: 'no compiler', values: [] },
      { name: 'PyTorch, tuned: a step', missing: 'killed', values: [] },
    ]);
    expect(notes).toEqual(['PyTorch, compiled: left out, no compiler', 'PyTorch, tuned: left out, killed']);
  });

  it('has a row for each variant where Python lacks torch', async () => {
    const notes: string[] = [];
    using baselines = await begin(fakePython('echo "No module named torch" >&2; exit 1'), notes);
    expect(missingRowsOf(baselines.missing)).toHaveLength(TRAIN_VARIANTS.length);
    expect(missingRowsOf(baselines.missing)[0].missing).toMatch(/^no torch in .*python \(No module named torch\)$/);
    expect(notes).toHaveLength(1);
  });
});

describe('bench search --parts speed', () => {
  it('leaves out what fails, with the reason in a row, and keeps the others', async () => {
    using scorers = new Scorers();
    const python = failing('{"seconds": [2, 4], "errors": [0, 0], "peakBytes": 1}');
    await scorers.start(task, { tune: 1, fit: 1, labels: [0] }, [{}], { ...common, python });
    for (let round = 0; round < 2; round++) await scorers.turns([{}, {}]);
    const { measured: theirs, missing } = scorers;
    const turn = { seconds: 1, errors: [0, 0] };
    const rows = rowsOf({ ours: [turn, turn], theirs, peakBytes: 1, missing });
    const of = (name: string) => rows.find((row) => row.name === `PyTorch, ${name}: candidates scored`);
    expect(of('idiomatic')?.values).toEqual([1 / 3, 1 / 3]);
    expect(of('compiled')).toMatchObject({ missing: 'no compiler', values: [] });
    expect(of('tuned')).toMatchObject({ missing: 'killed', values: [] });
    expect(ratiosOf([turn, turn], theirs)).toEqual({
      'candidates a second: ours over PyTorch, idiomatic': 3,
      'candidates a second: ours over PyTorch, channels-last': 3,
      'candidates a second: ours over best PyTorch': 3,
    });
  });
});
