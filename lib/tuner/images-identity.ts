/** What tells the images of a run from others. A run goes on with the same images in the same parts, or the test would be no test. */
import { createHash } from 'node:crypto';
import { type ImageCache, type PartName, type Samples, digestOfSamples, digestOfSequence } from '../data/index.js';

/**
 * One digest for each way in which images may differ. How they are decoded is not among them: another version of the decoder is
 * another machine to go on with, as another libtorch is, and not another data set.
 */
export interface ImagesIdentity extends Record<PartName, string> {
  /** Height, width and channels of the decoded images. */
  shape: string;
  /** Of the class names, in the order of the labels. */
  classes: string;
}

const DIFFERENCES: Record<keyof ImagesIdentity, string> = {
  shape: 'the size in which the network takes images is not the one',
  classes: 'the names of the classes are not those',
  fit: 'the readable images to fit, their classes or their order are not those',
  tune: 'the readable images to tune, their classes or their order are not those',
  test: 'the readable images to test, their classes or their order are not those',
};

/** What a model file keeps of the images it comes from, by which `evaluate` knows those of a part again: their order tells it nothing. */
export function digestsOf(
  parts: Record<PartName, Pick<Samples, 'records' | 'labels'>>,
  cache: Pick<ImageCache, 'contents'>,
): Record<PartName, string> {
  return {
    fit: digestOfSamples(parts.fit, cache),
    tune: digestOfSamples(parts.tune, cache),
    test: digestOfSamples(parts.test, cache),
  };
}

/**
 * The identity of decoded images: of a part, the contents and labels in order, since what is random in training is drawn by
 * position. Paths do not count.
 */
export function identityOf(
  labels: readonly string[],
  parts: Record<PartName, Pick<Samples, 'records' | 'labels'>>,
  cache: Pick<ImageCache, 'file' | 'contents'>,
): ImagesIdentity {
  const { height, width, channels } = cache.file;
  return {
    shape: `${height} x ${width} x ${channels}`,
    classes: createHash('sha256').update(JSON.stringify(labels)).digest('hex'),
    fit: digestOfSequence(parts.fit, cache),
    tune: digestOfSequence(parts.tune, cache),
    test: digestOfSequence(parts.test, cache),
  };
}

/** In words, the first way in which images differ from those of before, as the beginning of "... with which the run began"; null where in none. */
export function differenceOf(before: Partial<ImagesIdentity>, now: ImagesIdentity): string | null {
  const fields = Object.keys(DIFFERENCES) as (keyof ImagesIdentity)[];
  const different = fields.find((field) => before[field] !== now[field]);
  return different === undefined ? null : DIFFERENCES[different];
}
