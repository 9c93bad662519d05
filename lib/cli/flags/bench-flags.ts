/** The flags of `bench`. */

import { TRAIN_VARIANTS } from '../../bench/train/variants.js';
import { TUNE_VARIANTS } from '../../bench/tune/types.js';
import { UsageError } from '../../errors.js';
import { choiceFlag, integerFlag, numberFlag, switchFlag, textFlag } from './flag.js';

/** Flags of `bench`; each says which of its benchmarks it is for. */
export const benchFlags = {
  seeds: integerFlag('seeds', 'Repetitions, seeded 1 to this; bayes 10, search 5, tune 3 if not given', {
    min: 1,
    max: 1000,
  }),
  model: textFlag('model', 'search, train, tune: network, a name in models/ or the path of a spec'),
  weights: textFlag('weights', 'search, tune: its pre-trained weights'),
  partial: switchFlag('partial', 'search, tune: let parameters that the weight file lacks start fresh'),
  data: textFlag('data', 'search, tune: folder of labelled images, in the layouts of tune'),
  split: integerFlag('split', 'search, tune: official split', { min: 1 }),
  evals: integerFlag('evals', 'search: evaluations of each search, 40 if not given; tune: of each round', { min: 4 }),
  drop: numberFlag('drop', 'search: loss of tune accuracy allowed, a share; 0.05 if not given', { min: 0, below: 1 }),
  batch: integerFlag('batch', 'search, train, tune: images at a time; 32 if not given', { min: 1, max: 65_536 }),
  precision: choiceFlag('precision', 'search, train, tune: arithmetic of both sides; fp32 if not given', [
    'fp32',
    'bf16',
  ]),
  rounds: integerFlag('rounds', 'search, train: turns of each side, 8 if not given; tune: rounds', {
    min: 1,
    max: 10_000,
  }),
  steps: integerFlag('steps', 'train: steps a turn, 5 if not given; tune: masked training steps a round', {
    min: 1,
    max: 10_000,
  }),
  variants: textFlag(
    'variants',
    `train: which PyTorch variants, of ${TRAIN_VARIANTS.join(',')}, all if not given; tune: of ${TUNE_VARIANTS.join(',')}, idiomatic if not given`,
  ),
  augmentation: choiceFlag('augmentation', 'train: how our images are varied; crop if not given', [
    'none',
    'crop',
    'resized-crop',
  ]),
  threads: integerFlag('threads', 'search, train, tune: CPU threads', { min: 1, max: 1024 }),
  parts: textFlag(
    'parts',
    'bayes: which of problems,noise,drift,pruning,speed; search: which of methods,speed; all if not given',
  ),
  images: integerFlag('images', 'search: tune images of the speed part; 256 if not given', { min: 1, max: 100_000 }),
  problems: textFlag('problems', 'bayes: which problems, such as branin,hartmann6; all if not given'),
  out: textFlag('out', 'tune: folder of the runs; the same command goes on from what is there'),
  'max-drop': numberFlag('max-drop', 'tune: largest loss of accuracy on the tune images, a share', {
    min: 0,
    below: 1,
  }),
  'warmup-steps': integerFlag('warmup-steps', 'tune: training steps before the first round', { min: 1 }),
  'finetune-steps': integerFlag('finetune-steps', 'tune: training steps after the masks are frozen', { min: 1 }),
  python: textFlag('python', 'Python with the packages of the baseline; python3 if not given'),
  'without-baseline': switchFlag('without-baseline', 'Measure this package alone'),
};

/** A list given as one word. @throws UsageError naming the flag and the choices. */
export function wordsOf<Choice extends string>(
  text: string | undefined,
  flag: string,
  choices: readonly Choice[],
): Choice[] | undefined {
  return text?.split(',').map((word) => {
    const choice = choices.find((candidate) => candidate === word);
    if (choice === undefined) {
      throw new UsageError(`expected a list of ${choices.join(', ')} for ${flag} but received "${word}"`);
    }
    return choice;
  });
}
