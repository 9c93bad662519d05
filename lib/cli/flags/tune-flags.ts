/** The flags of `tune`, one for every field of TuneConfig: a field without a flag does not compile. */

import type { TuneConfig } from '../../run/types.js';
import { choiceFlag, deviceFlag, integerFlag, nullable, numberFlag, switchFlag, textFlag, type Flag } from './flag.js';
import { rangeOf } from './setting-range.js';

/** METHOD modes, criteria and the rest; a flag left out takes the tuner's default for the model and data at hand. */
export const tuneFlags: { readonly [Field in keyof TuneConfig]-?: Flag<TuneConfig[Field]> } = {
  data: nullable(
    textFlag(
      'data',
      'Folder of labelled images: DIR/<class>/*, DIR/{train,val,test}/<class>/* or images/ + labels/ with --split',
    ),
  ),
  split: nullable(integerFlag('split', 'Official split of a folder that has labels/trainN.txt', rangeOf('split'))),
  model: textFlag('model', 'Architecture: a name in models/ or the path of a spec'),
  weights: nullable(textFlag('weights', 'Pre-trained weights: .safetensors, .pth, .pt or .caffemodel')),
  out: textFlag('out', 'Run directory, made if it is not there'),
  partial: switchFlag('partial', 'Let parameters that the weight file lacks start fresh'),
  strict: switchFlag('strict', 'Stop at the first image that cannot be read'),
  criterion: choiceFlag('criterion', 'Pruning criterion', ['dns']),
  maxDrop: nullable(
    numberFlag(
      'max-drop',
      'Budget mode: largest loss of accuracy on the tune images, a share: 0.01 is one point',
      rangeOf('maxDrop'),
    ),
  ),
  lambda: nullable(numberFlag('lambda', 'Paper mode: weight of sparsity against error', rangeOf('lambda'))),
  initialSlack: numberFlag(
    'initial-slack',
    'Loss of accuracy tolerated in the first round; it cools to --max-drop',
    rangeOf('initialSlack'),
  ),
  rounds: integerFlag('rounds', 'Rounds of search, commit and masked training', rangeOf('rounds')),
  evaluations: integerFlag('evals', 'Candidates scored a round', rangeOf('evaluations')),
  warmupSteps: integerFlag('warmup-steps', 'Training steps before the first round', rangeOf('warmupSteps')),
  freshSteps: integerFlag(
    'fresh-steps',
    'The first of them, in which only parameters that started fresh move',
    rangeOf('freshSteps'),
  ),
  roundSteps: integerFlag('steps', 'Masked training steps a round', rangeOf('roundSteps')),
  finetuneSteps: integerFlag('finetune-steps', 'Training steps after the masks are frozen', rangeOf('finetuneSteps')),
  batchSize: integerFlag('batch-size', 'Images a training step', rangeOf('batchSize')),
  learningRate: numberFlag('lr', 'Learning rate', rangeOf('learningRate')),
  freshFactor: numberFlag(
    'fresh-factor',
    'Multiplier of the learning rate for parameters that started fresh, in the warm-up',
    rangeOf('freshFactor'),
  ),
  decay: choiceFlag('decay', 'How the learning rate falls in the last fine-tuning', ['cosine', 'step']),
  momentum: numberFlag('momentum', 'Momentum of SGD', rangeOf('momentum')),
  weightDecay: numberFlag('weight-decay', 'Weight decay', rangeOf('weightDecay')),
  labelSmoothing: numberFlag('label-smoothing', 'Label smoothing, a share', rangeOf('labelSmoothing')),
  augmentation: choiceFlag('augmentation', 'How training images are varied', ['none', 'crop', 'resized-crop']),
  seed: integerFlag('seed', 'Seed of everything random', rangeOf('seed')),
  device: deviceFlag(),
  precision: choiceFlag('precision', 'Arithmetic of training; tf32 on CUDA devices only', ['fp32', 'tf32', 'bf16']),
  threads: integerFlag('threads', 'CPU threads', rangeOf('threads')),
};
