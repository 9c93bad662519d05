/** `bench train` */
import { TRAIN_VARIANTS } from '../../../bench/train/variants.js';
import { UsageError } from '../../../errors.js';
import { defineCommand } from '../../command.js';
import { choiceFlag, integerFlag, textFlag } from '../../flags/flag.js';
import {
  baselineFlags,
  batchFlag,
  benchDeviceFlag,
  precisionFlag,
  pythonOf,
  taskFlags,
  threadsFlag,
  USUAL_BATCH,
  USUAL_DEVICE,
  usualThreads,
} from './flags.js';
import { choicesOf } from './lists.js';
import { printBench } from './report.js';

const ROUNDS = 8;
const STEPS = 5;

const augmentationFlag = choiceFlag('augmentation', 'How our images are varied; crop if not given', [
  'none',
  'crop',
  'resized-crop',
]);

export const benchTrainCommand = defineCommand({
  name: 'train',
  describe: "Masked training steps beside PyTorch's, and the least that the machine allows",
  flags: {
    model: taskFlags.model,
    batch: batchFlag,
    precision: precisionFlag,
    device: benchDeviceFlag,
    rounds: integerFlag('rounds', `Turns of each side; ${ROUNDS} if not given`, { min: 1, max: 10_000 }),
    steps: integerFlag('steps', `Steps a turn; ${STEPS} if not given`, { min: 1, max: 10_000 }),
    variants: textFlag('variants', `PyTorch variants, of ${TRAIN_VARIANTS.join(',')}; all if not given`),
    augmentation: augmentationFlag,
    threads: threadsFlag,
    ...baselineFlags,
  },
  examples: [['$0 bench train --model alexnet --python venv/bin/python', 'in turn with the torch of that Python']],
  run: async (given, _words, context) => {
    const { model } = given;
    if (model === undefined) throw new UsageError('bench train needs --model');
    const { benchTrain } = await import('../../../bench/train/index.js');
    const { resolveDevice } = await import('../../../native/device.js');
    const { terminal, signal } = context;
    return printBench(context, () =>
      benchTrain({
        model,
        batchSize: given.batch ?? USUAL_BATCH,
        precision: given.precision ?? 'fp32',
        device: resolveDevice(given.device ?? USUAL_DEVICE),
        threads: given.threads ?? usualThreads,
        rounds: given.rounds ?? ROUNDS,
        steps: given.steps ?? STEPS,
        augmentation: given.augmentation ?? 'crop',
        variants: choicesOf(given.variants, '--variants', TRAIN_VARIANTS) ?? TRAIN_VARIANTS,
        python: pythonOf(given),
        signal,
        onProgress: (text) => terminal.note(text),
        onNote: (text) => terminal.note(text),
      }),
    );
  },
});
