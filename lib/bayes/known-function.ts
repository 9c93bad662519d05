/**
 * Functions of the point that are computed exactly and never modelled, with their gradients.
 */

/** A function of a point in the unit cube. */
export type PointFunction = (point: readonly number[]) => number;

/** The gradient of a `PointFunction`. */
export type PointGradient = (point: readonly number[]) => ArrayLike<number>;

/** Step of the central differences, in units of the cube. */
const STEP = 1e-5;

/** A known function that can always give a gradient: the caller's where there is one, else by central differences. */
export class KnownFunction {
  private readonly point: number[];

  constructor(
    private readonly evaluate: PointFunction,
    private readonly differentiate: PointGradient | undefined,
    dimensions: number,
  ) {
    this.point = new Array<number>(dimensions).fill(0);
  }

  /** The value; +Infinity where the function gives no number, so that such a point is never preferred. */
  value(point: ArrayLike<number>): number {
    for (let k = 0; k < this.point.length; k++) this.point[k] = point[k]!;
    const value = this.evaluate(this.point);
    return Number.isNaN(value) ? Infinity : value;
  }

  /** Writes the gradient at `point` to `target`; one-sided at the faces of the cube, which must not be left. */
  gradient(point: ArrayLike<number>, target: Float64Array): void {
    for (let k = 0; k < this.point.length; k++) this.point[k] = point[k]!;
    if (this.differentiate) {
      target.set(Array.from(this.differentiate(this.point)));
      return;
    }
    for (let k = 0; k < this.point.length; k++) {
      const centre = this.point[k];
      const above = Math.min(centre + STEP, 1);
      const below = Math.max(centre - STEP, 0);
      this.point[k] = above;
      const high = this.evaluate(this.point);
      this.point[k] = below;
      const low = this.evaluate(this.point);
      this.point[k] = centre;
      const slope = (high - low) / (above - below);
      target[k] = Number.isFinite(slope) ? slope : 0;
    }
  }
}
