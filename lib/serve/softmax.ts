/** From logits to the likeliest classes. */

/** Probabilities of one row of logits, in float64; the largest is taken off first so that nothing overflows. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index += 1) largest = Math.max(largest, logits[index]);
  const probabilities = new Float64Array(logits.length);
  let sum = 0;
  for (let index = 0; index < logits.length; index += 1) {
    probabilities[index] = Math.exp(logits[index] - largest);
    sum += probabilities[index];
  }
  for (let index = 0; index < probabilities.length; index += 1) probabilities[index] /= sum;
  return probabilities;
}

/** Indices of the `count` largest values, largest first; the lower index first among equals. */
export function topIndices(values: ArrayLike<number>, count: number): number[] {
  const before = (left: number, right: number) => values[right] - values[left] || left - right;
  const best: number[] = [];
  for (let index = 0; index < values.length; index += 1) {
    // Few values pass the smallest kept so far; sorting all of a thousand classes would hold up the event loop.
    if (best.length >= count && before(best[best.length - 1], index) <= 0) continue;
    let place = best.length;
    while (place > 0 && before(best[place - 1], index) > 0) place -= 1;
    best.splice(place, 0, index);
    if (best.length > count) best.pop();
  }
  return best;
}
