/**
 * How much further to prune, when one number moves all layers (the depth of pruning-lines.ts): doubling until the answer changes, then halving
 * the gap. A few candidates so find the scale on which the model then works layer by layer.
 */
const FIRST_DEPTH = 0.5;
/** Below this gap, 8% of the size, the layers' own densities matter more than the depth. */
const FINEST_GAP = 0.08;

/** A search along one line of densities; depth 0 is where the round starts, above it is smaller, below it larger. */
export class DensityLadder {
  #feasible: number;
  #infeasible: number;

  /** @param startIsFeasible whether depth 0 is: if not, the ladder goes down to denser networks first. */
  constructor(startIsFeasible: boolean) {
    this.#feasible = startIsFeasible ? 0 : -Infinity;
    this.#infeasible = startIsFeasible ? Infinity : 0;
  }

  /** The depth to try next. */
  get depth(): number {
    if (this.#infeasible === Infinity) return Math.max(FIRST_DEPTH, 2 * this.#feasible);
    if (this.#feasible === -Infinity) return Math.min(-FIRST_DEPTH, 2 * this.#infeasible);
    return (this.#feasible + this.#infeasible) / 2;
  }

  /** Whether the scale is found: the model does more with a candidate than another rung. */
  get isDone(): boolean {
    return this.#infeasible - this.#feasible < FINEST_GAP;
  }

  /** Whether the candidate at `depth` was feasible. */
  tell(feasible: boolean): void {
    if (feasible) this.#feasible = this.depth;
    else this.#infeasible = this.depth;
  }
}
