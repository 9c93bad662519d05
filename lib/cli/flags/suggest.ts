/** "did you mean": the nearest known word to a mistyped one. */

import { closest, distance } from 'fastest-levenshtein';

/**
 * @returns `; did you mean X?` where a known word is near enough to be a slip of the fingers, else nothing
 */
export function didYouMean(word: string, known: readonly string[], dashes = ''): string {
  if (known.length === 0) return '';
  const nearest = closest(word, known);
  return distance(word, nearest) <= Math.max(1, Math.floor(word.length / 3))
    ? `; did you mean ${dashes}${nearest}?`
    : '';
}
