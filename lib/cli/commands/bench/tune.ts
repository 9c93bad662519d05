/** `bench tune` */
import { resolve } from 'node:path';
import { TUNE_VARIANTS } from '../../../bench/tune/types.js';
import { UsageError } from '../../../errors.js';
import { defineCommand } from '../../command.js';
import { integerFlag, numberFlag, textFlag } from '../../flags/flag.js';
import { rangeOf } from '../../flags/setting-range.js';
import {
  baselineFlags,
  batchFlag,
  benchDeviceFlag,
  precisionFlag,
  pythonOf,
  seedsFlag,
  taskFlags,
  threadsFlag,
  USUAL_DEVICE,
  usualThreads,
} from './flags.js';
import { choicesOf } from './lists.js';
import { printBench } from './report.js';

const SEEDS = 3;

export const benchTuneCommand = defineCommand({
  name: 'tune',
  describe: 'The whole of tune beside a PyTorch script of the same algorithm and budget',
  flags: {
    ...taskFlags,
    out: textFlag('out', 'Folder of the runs; the same command goes on from what is there'),
    seeds: seedsFlag(SEEDS),
    variants: textFlag('variants', `PyTorch variants, of ${TUNE_VARIANTS.join(',')}; idiomatic if not given`),
    rounds: integerFlag('rounds', 'Rounds', rangeOf('rounds')),
    evals: integerFlag('evals', 'Candidates a round', rangeOf('evaluations')),
    steps: integerFlag('steps', 'Masked training steps a round', rangeOf('roundSteps')),
    'max-drop': numberFlag('max-drop', 'Largest loss of accuracy on the tune images, a share', rangeOf('maxDrop')),
    'warmup-steps': integerFlag('warmup-steps', 'Training steps before the first round', rangeOf('warmupSteps')),
    'finetune-steps': integerFlag(
      'finetune-steps',
      'Training steps after the masks are frozen',
      rangeOf('finetuneSteps'),
    ),
    batch: batchFlag,
    precision: precisionFlag,
    device: benchDeviceFlag,
    threads: threadsFlag,
    ...baselineFlags,
  },
  run: async (given, _words, context) => {
    const { model, weights, data, out } = given;
    if (model === undefined || weights === undefined || data === undefined || out === undefined) {
      throw new UsageError('bench tune needs --model, --weights, --data and --out');
    }
    const { benchTune } = await import('../../../bench/tune/index.js');
    const { resolveDevice } = await import('../../../native/device.js');
    const { terminal, signal } = context;
    return printBench(context, () =>
      benchTune({
        task: {
          model,
          weights: resolve(weights),
          data: resolve(data),
          partial: given.partial,
          split: given.split,
          rounds: given.rounds,
          evaluations: given.evals,
          roundSteps: given.steps,
          maxDrop: given['max-drop'],
          warmupSteps: given['warmup-steps'],
          finetuneSteps: given['finetune-steps'],
          batchSize: given.batch,
          precision: given.precision,
          device: resolveDevice(given.device ?? USUAL_DEVICE),
          threads: given.threads ?? usualThreads,
        },
        seeds: given.seeds ?? SEEDS,
        out: resolve(out),
        variants: choicesOf(given.variants, '--variants', TUNE_VARIANTS) ?? ['idiomatic'],
        python: pythonOf(given),
        signal,
        onProgress: (event) => terminal.progress(event),
        onNote: (text) => terminal.note(text),
      }),
    );
  },
});
