/** From logits to the likeliest classes. */

/** Probabilities of one row of logits, in float64; the largest is taken off first so that nothing overflows. */
export function softmax(logits: ArrayLike<number>): Float64Array {
  let largest = Number.NEGATIVE_INFINITY;
  for (let index = 0; index < logits.length; index += 1) largest = Math.max(largest, logits[index] ?? 0);
  const probabilities = Float64Array.from(logits, (logit) => Math.exp(logit - largest));
  const sum = probabilities.reduce((total, value) => total + value, 0);
  return probabilities.map((value) => value / sum);
}

/** Indices of the `count` largest values, largest first; the lower index first among equals. */
export function topIndices(values: ArrayLike<number>, count: number): number[] {
  return Array.from(values, (_, index) => index)
    .sort((left, right) => (values[right] ?? 0) - (values[left] ?? 0) || left - right)
    .slice(0, count);
}
