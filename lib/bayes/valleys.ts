/**
 * Valleys that are searched out. The expected improvement of polishing a found minimum can exceed, for ever, that of looking
 * elsewhere, and a search would end in the first valley it comes to. So observations are told apart into valleys, one whose
 * last evaluations gained nothing is closed, and the search goes on elsewhere as if the best of the rest were the incumbent.
 *
 * Valleys are found by nearest-better clustering (M. Preuss, "Niching the CMA-ES via nearest-better clustering", GECCO
 * 2010): every observation is tied to the nearest better one, and ties more than twice as long as the mean are cut.
 */
import type { Belief } from './model.js';

/** Ties longer than this many mean ties part valleys (Preuss, section 3). */
const CUT = 2;
/** Gain, as a share of best to median, below which `patience` evaluations count as nothing. */
const GAIN = 1e-3;

/** Observations told apart into open and closed valleys. */
export class Valleys {
  private constructor(
    private readonly points: readonly ArrayLike<number>[],
    private readonly closed: readonly boolean[],
    private readonly lengthScales: readonly number[],
    /** The observations outside closed valleys, in the order given. */
    readonly open: readonly Belief[],
  ) {}

  /**
   * @param beliefs in the order of observation.
   * @param patience evaluations in a row without gain that close a valley.
   * @returns null where no valley is closed, or all are.
   */
  static find(beliefs: readonly Belief[], lengthScales: readonly number[], patience: number): Valleys | null {
    const feasible = beliefs.filter((belief) => belief.feasible);
    if (feasible.length <= patience) return null;
    const values = feasible.map(({ objective }) => objective).sort((a, b) => a - b);
    const gain = GAIN * (values[values.length >> 1] - values[0]);
    const labels = cluster(feasible, lengthScales);
    const stalled = new Map<number, boolean>();
    for (const label of new Set(labels)) {
      const members = feasible.filter((_, index) => labels[index] === label).map(({ objective }) => objective);
      const before = Math.min(...members.slice(0, -patience));
      stalled.set(label, members.length > patience && before - Math.min(...members) <= gain);
    }
    const closed = labels.map((label) => stalled.get(label) === true);
    const open = feasible.filter((_, index) => !closed[index]);
    if (open.length === 0 || open.length === feasible.length) return null;
    const points = feasible.map(({ observation }) => observation.point);
    return new Valleys(points, closed, lengthScales, open);
  }

  /** Whether the observation nearest to `point` belongs to a closed valley. */
  excludes(point: ArrayLike<number>): boolean {
    let nearest = 0;
    let least = Infinity;
    for (let i = 0; i < this.points.length; i++) {
      const distance = squaredDistance(point, this.points[i], this.lengthScales);
      if (distance < least) [nearest, least] = [i, distance];
    }
    return this.closed[nearest];
  }
}

/** A label an observation: that of the nearest better one, or one of its own where that is far. */
function cluster(beliefs: readonly Belief[], lengthScales: readonly number[]): number[] {
  const order = beliefs.map((_, index) => index).sort((a, b) => beliefs[a].objective - beliefs[b].objective);
  const ties = order.map((index, rank) => {
    let parent = index;
    let least = Infinity;
    for (const better of order.slice(0, rank)) {
      const { point } = beliefs[better].observation;
      const distance = squaredDistance(beliefs[index].observation.point, point, lengthScales);
      if (distance < least) [parent, least] = [better, distance];
    }
    return { index, parent, length: rank === 0 ? 0 : Math.sqrt(least) };
  });
  const mean = ties.reduce((sum, { length }) => sum + length, 0) / Math.max(1, ties.length - 1);
  const labels = new Array<number>(beliefs.length).fill(0);
  for (const { index, parent, length } of ties) {
    labels[index] = parent === index || length > CUT * mean ? index : labels[parent];
  }
  return labels;
}

function squaredDistance(a: ArrayLike<number>, b: ArrayLike<number>, lengthScales: readonly number[]): number {
  let squared = 0;
  for (let k = 0; k < lengthScales.length; k++) squared += ((a[k] - b[k]) / lengthScales[k]) ** 2;
  return squared;
}
