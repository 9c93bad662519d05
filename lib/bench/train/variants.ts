/** Ways to write masked training in PyTorch, as test/bench/train/train_baseline.py names them: the least effort first. */
export const TRAIN_VARIANTS = ['idiomatic', 'channels-last', 'tuned', 'fused', 'compiled'] as const;

export type TrainVariant = (typeof TRAIN_VARIANTS)[number];
