/** "did you mean": the nearest known word to a mistyped one. */

import { closest, distance } from 'fastest-levenshtein';

/**
 * @returns `; did you mean X?` where a known word is near enough to be a slip of the fingers, else nothing
 */
export function didYouMean(word: string, known: readonly string[]): string {
  const near = nearest(word, known);
  return near === undefined ? '' : `; did you mean ${near}?`;
}

/** The nearest known word; undefined where none is near enough to be a slip of the fingers. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const near = closest(word, known);
  return distance(word, near) <= Math.max(1, Math.floor(word.length / 3)) ? near : undefined;
}
