/** The flags of `tune`, one for every field of TuneConfig: a field without a flag does not compile. */

import type { TuneConfig } from '../../run/types.js';
import { choiceFlag, deviceFlag, integerFlag, nullable, numberFlag, switchFlag, textFlag, type Flag } from './flag.js';

/** METHOD modes, criteria and the rest; a flag left out takes the tuner's default for the model and data at hand. */
export const tuneFlags: { readonly [Field in keyof TuneConfig]-?: Flag<TuneConfig[Field]> } = {
  data: nullable(
    textFlag(
      'data',
      'Folder of labelled images: DIR/<class>/*, DIR/{train,val,test}/<class>/* or images/ + labels/ with --split',
    ),
  ),
  split: nullable(integerFlag('split', 'Official split of a folder that has labels/trainN.txt', { min: 1 })),
  model: textFlag('model', 'Architecture: a name in models/ or the path of a spec'),
  weights: nullable(textFlag('weights', 'Pre-trained weights: .safetensors, .pth, .pt or .caffemodel')),
  out: textFlag('out', 'Run directory, made if it is not there'),
  partial: switchFlag('partial', 'Let parameters that the weight file lacks start fresh'),
  strict: switchFlag('strict', 'Stop at the first image that cannot be read'),
  criterion: choiceFlag('criterion', 'Pruning criterion', ['dns']),
  maxDrop: nullable(
    numberFlag('max-drop', 'Budget mode: largest loss of accuracy on the tune images, a share: 0.01 is one point', {
      min: 0,
      below: 1,
    }),
  ),
  lambda: nullable(numberFlag('lambda', 'Paper mode: weight of sparsity against error', { above: 0 })),
  initialSlack: numberFlag('initial-slack', 'Loss of accuracy tolerated in the first round; it cools to --max-drop', {
    min: 0,
    below: 1,
  }),
  rounds: integerFlag('rounds', 'Rounds of search, commit and masked training', { min: 1 }),
  evaluations: integerFlag('evals', 'Candidates scored a round', { min: 1 }),
  warmupSteps: integerFlag('warmup-steps', 'Training steps before the first round', { min: 1 }),
  freshSteps: integerFlag('fresh-steps', 'The first of them, in which only parameters that started fresh move', {
    min: 0,
  }),
  roundSteps: integerFlag('steps', 'Masked training steps a round', { min: 1 }),
  finetuneSteps: integerFlag('finetune-steps', 'Training steps after the masks are frozen', { min: 1 }),
  batchSize: integerFlag('batch-size', 'Images a training step', { min: 1 }),
  learningRate: numberFlag('lr', 'Learning rate', { above: 0 }),
  freshFactor: numberFlag(
    'fresh-factor',
    'Multiplier of the learning rate for parameters that started fresh, in the warm-up',
    {
      above: 0,
    },
  ),
  decay: choiceFlag('decay', 'How the learning rate falls in the last fine-tuning', ['cosine', 'step']),
  momentum: numberFlag('momentum', 'Momentum of SGD', { min: 0, below: 1 }),
  weightDecay: numberFlag('weight-decay', 'Weight decay', { min: 0 }),
  labelSmoothing: numberFlag('label-smoothing', 'Label smoothing, a share', { min: 0, below: 1 }),
  augmentation: choiceFlag('augmentation', 'How training images are varied', ['none', 'crop', 'resized-crop']),
  seed: integerFlag('seed', 'Seed of everything random', { min: 0 }),
  device: deviceFlag(),
  precision: choiceFlag('precision', 'Arithmetic of training; tf32 on CUDA devices only', ['fp32', 'tf32', 'bf16']),
  threads: integerFlag('threads', 'CPU threads', { min: 1, max: 1024 }),
};
