/**
 * Ways to prune all layers further by one number: which layers give how much is a matter of the line, how much in all of the
 * depth, the logarithm of how many times fewer parameters the point keeps than the start. The size of a point is known
 * without evaluating anything, so points of one depth on different lines compare at equal size.
 */
import type { SearchSpace } from './search-space.js';

/** Halvings that find the point of a depth. */
const BISECTIONS = 30;
/** Beyond any depth in use: log of the density asked of the largest layer, and of all weights for the common threshold. */
const DEEPEST = 8;

type Line = (amount: number) => number[];

/** The lines from one point: one lowers every layer's log density by its stride, one raises a threshold common to all layers. */
export class PruningLines {
  /** Lines there are; the first also goes back to denser points. */
  readonly count: number;
  readonly #space: SearchSpace;
  readonly #lines: readonly Line[];
  readonly #startSize: number;

  /** @param start a point of the space, in [0, 1]^d: depth 0 of every line. */
  constructor(space: SearchSpace, start: readonly number[]) {
    this.#space = space;
    this.#startSize = space.keptParameters(start);
    this.#lines = [
      (amount) => space.pruneFurther(start, amount),
      (amount) => space.raiseFloor(start, amount <= 0 ? 0 : space.globalThreshold(Math.exp(-amount))),
    ];
    this.count = this.#lines.length;
  }

  /** The point of a line whose size is e^-depth times the start's, or the nearest the line has. */
  point(line: number, depth: number): number[] {
    const along = this.#lines[line];
    const target = this.#startSize * Math.exp(-depth);
    let low = -DEEPEST;
    let high = DEEPEST;
    for (let step = 0; step < BISECTIONS; step++) {
      const middle = (low + high) / 2;
      if (this.#space.keptParameters(along(middle)) > target) low = middle;
      else high = middle;
    }
    return along(high);
  }
}
