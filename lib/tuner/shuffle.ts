/** A seeded order of samples. */
import { Random } from '../bayes/rng.js';
import type { Part } from './inputs.js';

/** The samples in an order that depends on the seed and their number only. */
export function shuffled(part: Part, seed: number): Part {
  return inOrder(part, randomOrder(part.labels.length, seed));
}

/** The indices below `length` in a seeded order (Fisher and Yates). */
export function randomOrder(length: number, seed: number): Uint32Array {
  const random = new Random(seed);
  const order = Uint32Array.from({ length }, (_, index) => index);
  for (let last = length - 1; last > 0; last--) {
    const other = Math.floor(random.uniform() * (last + 1));
    [order[last], order[other]] = [order[other], order[last]];
  }
  return order;
}

/** The samples of the given indices, in their order. */
export function inOrder<Samples extends Part>(samples: Samples, order: Uint32Array): Samples {
  return {
    ...samples,
    records: Uint32Array.from(order, (index) => samples.records[index]),
    labels: Int32Array.from(order, (index) => samples.labels[index]),
  };
}
