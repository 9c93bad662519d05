import { DataError } from '../errors.js';
import { splitStratified } from './split.js';
import type { Dataset, Item } from './types.js';

/** The images of a data folder with the division that the folder itself makes. */
export interface LabelledImages extends Pick<Dataset, 'layout' | 'labels' | 'split' | 'ignored'> {
  /** All images where the folder makes no division. */
  train: Item[];
  /** Null where the folder has no such part. */
  val: Item[] | null;
  test: Item[] | null;
  /** Folder of train's classes, for messages. */
  place: string;
}

/** Shares of the parts. */
export interface Fractions {
  fit: number;
  tune: number;
  test: number;
}

/**
 * Fit, tune and test from what a folder has: train, val and test, and stratified draws from train for those that are missing.
 * @throws DataError where there is one class only, a class has too few images, or val is there and test is not.
 */
export function divide(images: LabelledImages, seed: number, fractions: Fractions): Dataset {
  const { layout, labels, split, ignored, train, val, test, place } = images;
  if (labels.length === 1) {
    throw new DataError(
      `${place}: one class only ("${labels[0]}"); add a folder of images for at least one more class`,
    );
  }
  const draw = (shares: number[]) => splitStratified(train, labels, shares, seed, place);
  const common = { layout, labels, split, ignored };
  if (test === null) {
    if (val !== null) {
      throw new DataError(
        `${place}: no test folder beside it; add one, or rename that of validation to test and a part of train takes its place`,
      );
    }
    const [fit, tune, held] = draw([fractions.fit, fractions.tune, fractions.test]);
    return { ...common, fit, tune, test: held };
  }
  if (val !== null) return { ...common, fit: train, tune: val, test };
  const both = fractions.fit + fractions.tune;
  const [fit, tune] = draw([fractions.fit / both, fractions.tune / both]);
  return { ...common, fit, tune, test };
}
