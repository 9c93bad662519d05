/** Images of later parts that fit has too: a network that has seen an image judges it better than others. */

import { formatCount } from '../format.js';
import type { Dataset, ImageCache, Item } from './types.js';

/** Images to tune and to test whose bytes are those of an image to fit. */
export interface RepeatedImages {
  tune: number;
  test: number;
  /** One of them, of test where it has any, and its double in fit. */
  example: { path: string; inFit: string };
}

/** Counts the readable images of tune and test that are also in fit under any name; null where none is. */
export function findRepeated(dataset: Dataset, { recordOf }: Pick<ImageCache, 'recordOf'>): RepeatedImages | null {
  const fitted = new Map(dataset.fit.map(({ path }) => [recordOf.get(path), path]));
  fitted.delete(undefined); // those that cannot be read
  const pairsIn = (items: readonly Item[]): RepeatedImages['example'][] =>
    items.flatMap(({ path }) => {
      const inFit = fitted.get(recordOf.get(path));
      return inFit === undefined ? [] : [{ path, inFit }];
    });
  const tune = pairsIn(dataset.tune);
  const test = pairsIn(dataset.test);
  const example = [...test, ...tune].at(0);
  return example === undefined ? null : { tune: tune.length, test: test.length, example };
}

/** One line for people: how many images, what that does to the numbers, how to mend it. `parts` counts all their readable images. */
export function repeatedNote(
  { tune, test, example }: RepeatedImages,
  parts: Readonly<Record<'tune' | 'test', number>>,
): string {
  const counts: string[] = [];
  if (test > 0) counts.push(`${formatCount(test)} of ${formatCount(parts.test)} images to test`);
  if (tune > 0) counts.push(`${formatCount(tune)} of ${formatCount(parts.tune)}${test > 0 ? '' : ' images'} to tune`);
  const [verb, them] = tune + test === 1 ? ['is', 'it'] : ['are', 'them'];
  return (
    `${counts.join(' and ')} ${verb} also among those to fit, byte for byte: accuracy on ${them} looks better than it is; ` +
    `keep one file of each (${example.path} is ${example.inFit})`
  );
}
