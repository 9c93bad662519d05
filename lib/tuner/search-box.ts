/**
 * The part of the unit cube that a round's search looks at: a box around where the ladder got, with one coordinate a group of
 * layers.
 *
 * A round has few candidates and the weights move between rounds, so far corners of the cube are neither reached nor worth
 * reaching; inside a box the surrogate has few and smooth changes to learn (Eriksson et al., "Scalable Global Optimization via
 * Local Bayesian Optimization", NeurIPS 2019, is the same thought).
 *
 * Notation: c the centre, s_k the stride of coordinate k of the cube, g(k) its group; a move m of group g takes every
 * coordinate of the group to c_k + m s_k, cut off at the faces of the cube; u in [0, 1] is m over its range.
 */

/** Largest move either way: a fifth of the range of log densities, a factor of 2.5 to 3.5. */
const REACH = 0.2;
/** How far, in the cube, a point may lie from the box's nearest one and count as it. */
const TOLERANCE = 0.02;

/** A group of coordinates that move together. */
export interface MovingGroup {
  /** Coordinates of the cube. */
  members: readonly number[];
  /** Stride of each member, in (0, 1]; the largest is 1. */
  strides: readonly number[];
}

/** A box around `centre` and its own coordinates, [0, 1] a group: points go from the cube to the box and back. */
export class SearchBox {
  readonly #centre: readonly number[];
  readonly #groups: readonly (MovingGroup & { least: number; most: number })[];

  /**
   * @param centre a point of the cube, in [0, 1]^d.
   * @param groups every coordinate of the cube in one of them; each on its own where left out.
   */
  constructor(
    centre: readonly number[],
    groups: readonly MovingGroup[] = centre.map((_, index) => ({ members: [index], strides: [1] })),
  ) {
    this.#centre = centre;
    this.#groups = groups.map(({ members, strides }) => ({
      members,
      strides,
      least: -Math.min(REACH, Math.max(...members.map((k, index) => centre[k] / strides[index]))),
      most: Math.min(REACH, Math.max(...members.map((k, index) => (1 - centre[k]) / strides[index]))),
    }));
  }

  /** Coordinates of a point inside. */
  get dimensions(): number {
    return this.#groups.length;
  }

  /** The point of the unit cube that stands for `inner`, a point of the box in its own [0, 1]^dimensions. */
  outer(inner: readonly number[]): number[] {
    const point = [...this.#centre];
    this.#groups.forEach(({ members, strides, least, most }, group) => {
      const move = least + inner[group] * (most - least);
      members.forEach((k, index) => {
        point[k] = clip(this.#centre[k] + move * strides[index]);
      });
    });
    return point;
  }

  /**
   * The other way; null where the point is not in the box. Where every member of a group is cut off, several moves give one
   * point, and this is one of them: who asked for an inner point must remember it.
   */
  inner(point: readonly number[]): number[] | null {
    const inner = this.#groups.map(({ members, strides, least, most }) => {
      // Least squares: the move that comes nearest for all members; those cut off at a face only tell a bound of it.
      const inside = members.filter((k) => point[k] > 0 && point[k] < 1);
      const telling = inside.length > 0 ? inside : members;
      let product = 0;
      let square = 0;
      for (const k of telling) {
        const stride = strides[members.indexOf(k)];
        product += stride * (point[k] - this.#centre[k]);
        square += stride ** 2;
      }
      return most > least ? clip((product / square - least) / (most - least)) : 0;
    });
    const nearest = this.outer(inner);
    return nearest.every((x, k) => Math.abs(x - point[k]) <= TOLERANCE) ? inner : null;
  }
}

function clip(x: number): number {
  return Math.min(1, Math.max(0, x));
}
