/**
 * The part of the unit cube that a round's search looks at: a box around where the ladder got.
 *
 * A round has few candidates and the weights move between rounds, so far corners of the cube are neither reached nor worth
 * reaching; inside a box the surrogate has few and smooth changes to learn (Eriksson et al., "Scalable Global Optimization via
 * Local Bayesian Optimization", NeurIPS 2019, is the same thought).
 */

/** Half the width of the box: a fifth of the range of log densities, a factor of 2.5 to 3.5 either way. */
const HALF_WIDTH = 0.2;

export class SearchBox {
  readonly #lower: readonly number[];
  readonly #width: readonly number[];

  /** @param centre a point of the unit cube; the box is cut off at the cube's faces. */
  constructor(centre: readonly number[]) {
    this.#lower = centre.map((x) => Math.max(0, x - HALF_WIDTH));
    this.#width = centre.map((x, index) => Math.min(1, x + HALF_WIDTH) - this.#lower[index]);
  }

  /** The point of the unit cube that stands for `inner`, a point of the box in its own [0, 1]^d. */
  outer(inner: readonly number[]): number[] {
    return inner.map((u, index) => Math.min(1, Math.max(0, this.#lower[index] + u * this.#width[index])));
  }

  /** The other way; null where the point is outside the box. */
  inner(point: readonly number[]): number[] | null {
    const coordinates = point.map((x, index) => (x - this.#lower[index]) / this.#width[index]);
    const inside = coordinates.every((u) => u > -1e-9 && u < 1 + 1e-9);
    return inside ? coordinates.map((u) => Math.min(1, Math.max(0, u))) : null;
  }
}
