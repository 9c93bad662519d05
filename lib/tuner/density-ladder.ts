/**
 * How much further to prune in one step, when one number moves all layers: doubling until a candidate fails, then halving
 * the gap. A few candidates so find the scale on which the model then works layer by layer.
 */
const FIRST_DEPTH = 0.5;

export class DensityLadder {
  #feasible = 0;
  #infeasible = Infinity;

  /** The depth to try next, in units of log density, above 0. */
  get depth(): number {
    if (this.#infeasible === Infinity) return this.#feasible === 0 ? FIRST_DEPTH : 2 * this.#feasible;
    return (this.#feasible + this.#infeasible) / 2;
  }

  /** Whether the candidate at `depth` was feasible. */
  tell(feasible: boolean): void {
    if (feasible) this.#feasible = this.depth;
    else this.#infeasible = this.depth;
  }
}
