import { DataError, UsageError } from '../errors.js';
import { TextSeededRandom } from './random.js';
import type { Item } from './types.js';

/**
 * Divides items into parts with the given shares, class by class, so that every part has every class in its share (the
 * largest remainder takes the odd images, and no part is left without one).
 *
 * The draw of a class depends on the seed and the class's own name and items alone: adding a class or reordering the
 * labels changes nothing for the others.
 *
 * @param shares positive, summing to 1; one part is returned for each.
 * @param where the folder, for messages.
 * @throws DataError where a class has fewer images than there are parts.
 */
export function splitStratified(
  items: readonly Item[],
  labels: readonly string[],
  shares: readonly number[],
  seed: number,
  where: string,
): Item[][] {
  if (shares.some((share) => !(share > 0)) || Math.abs(shares.reduce((a, b) => a + b, 0) - 1) > 1e-6) {
    throw new UsageError(`expected positive shares with a sum of 1 but received ${shares.join(', ')}`);
  }
  const parts: Item[][] = shares.map(() => []);
  const byLabel: Item[][] = labels.map(() => []);
  for (const item of items) byLabel[item.label].push(item);
  labels.forEach((name, label) => {
    const own = byLabel[label];
    if (own.length < shares.length) {
      throw new DataError(
        `${where}: class "${name}" has ${own.length} image(s), too few to divide into ${shares.length} parts; add images or remove the class`,
      );
    }
    const drawn = new TextSeededRandom(`split ${seed} ${name}`).shuffled(own);
    let from = 0;
    apportion(own.length, shares).forEach((count, part) => {
      parts[part].push(...drawn.slice(from, from + count));
      from += count;
    });
  });
  return parts;
}

/** Whole numbers with sum `count` nearest to the shares (Hamilton's method), each at least 1. */
function apportion(count: number, shares: readonly number[]): number[] {
  const exact = shares.map((share) => share * count);
  const whole = exact.map((value) => Math.max(1, Math.floor(value + 1e-9)));
  const sum = () => whole.reduce((a, b) => a + b, 0);
  const remainder = (part: number) => exact[part] - whole[part];
  const order = (better: (a: number, b: number) => number) => whole.map((_, part) => part).sort(better);
  while (sum() < count) whole[order((a, b) => remainder(b) - remainder(a))[0]] += 1;
  while (sum() > count) whole[order((a, b) => remainder(a) - remainder(b)).find((part) => whole[part] > 1)!] -= 1;
  return whole;
}
