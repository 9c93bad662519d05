/**
 * The coordinates of the search: one in [0, 1] a prunable layer, the logarithm of the density asked of it.
 *
 * x = 0 asks for every weight, x = 1 for the layer's least density; the density becomes a threshold through the layer's own
 * magnitudes, so that equal steps of x are equal factors of size in every layer, whatever its scale.
 */
import type { MagnitudeDistribution } from './magnitudes.js';

/** A prunable layer as the search sees it. */
export interface SearchLayer {
  name: string;
  /** Number of weights. */
  count: number;
  /** Units or maps it feeds. */
  outputs: number;
}

/** Least density any layer is asked for. */
const LEAST_DENSITY = 0.002;
/** Halvings that find a threshold to float32 precision. */
const BISECTIONS = 40;
/** Weights an output keeps on average at the least density: with fewer, whole outputs vanish. */
const LEAST_WEIGHTS_PER_OUTPUT = 2;

/** Whether two points differ by at most `tolerance` in every coordinate. */
export function isSamePoint(one: readonly number[], other: readonly number[], tolerance: number): boolean {
  return one.length === other.length && one.every((value, index) => Math.abs(value - other[index]) <= tolerance);
}

/** Density of a layer at x = 1, in (0, 0.5]. */
export function leastDensity(layer: SearchLayer): number {
  return Math.min(0.5, Math.max(LEAST_DENSITY, (LEAST_WEIGHTS_PER_OUTPUT * layer.outputs) / layer.count));
}

/** The search space of one round: the layers and the weights as they are at its start. */
export class SearchSpace {
  readonly layers: readonly SearchLayer[];
  /** Parameters that are never pruned: biases, BatchNorm's scale and shift. */
  readonly fixedParameters: number;
  readonly #distributions: readonly MagnitudeDistribution[];
  readonly #logSpans: readonly number[];

  constructor(
    layers: readonly SearchLayer[],
    distributions: readonly MagnitudeDistribution[],
    fixedParameters: number,
  ) {
    this.layers = layers;
    this.fixedParameters = fixedParameters;
    this.#distributions = distributions;
    this.#logSpans = layers.map((layer) => -Math.log(leastDensity(layer)));
  }

  get dimensions(): number {
    return this.layers.length;
  }

  /** All parameters, pruned or not. */
  get totalParameters(): number {
    return this.layers.reduce((sum, layer) => sum + layer.count, this.fixedParameters);
  }

  /** Densities asked for at a point. */
  densities(point: readonly number[]): number[] {
    return point.map((x, index) => Math.exp(-x * this.#logSpans[index]));
  }

  /** The point that asks for these densities, each clipped to its layer's range. */
  pointFor(densities: readonly number[]): number[] {
    return densities.map((density, index) => clip(-Math.log(Math.max(density, 1e-12)) / this.#logSpans[index]));
  }

  /**
   * The point with every layer's log density lowered by `depth` times the square root of the layer's share of the largest
   * layer's weights. A layer's size is what pruning it gains; where the harm grows as the square of the log density, and a
   * layer's sensitivity as the root of its size, these are the steps of equal harm for each weight removed.
   */
  pruneFurther(point: readonly number[], depth: number): number[] {
    const largest = Math.max(...this.layers.map((layer) => layer.count));
    return this.pointFor(
      this.densities(point).map(
        (density, index) => density * Math.exp(-depth * Math.sqrt(this.layers[index].count / largest)),
      ),
    );
  }

  /** The point at which no layer keeps weights under `threshold`; layers that already keep none stay as they are. */
  raiseFloor(point: readonly number[], threshold: number): number[] {
    return this.pointFor(
      this.densities(point).map((density, index) =>
        Math.min(density, this.#distributions[index].countAbove(threshold) / this.layers[index].count),
      ),
    );
  }

  /** The threshold that `density` of all layers' weights together reach, density in (0, 1). */
  globalThreshold(density: number): number {
    const weights = this.layers.reduce((sum, layer) => sum + layer.count, 0);
    let low = 0;
    let high = Math.max(
      ...this.#distributions.map((distribution) => distribution.thresholdFor(1 / distribution.count)),
    );
    for (let step = 0; step < BISECTIONS; step++) {
      const middle = (low + high) / 2;
      const above = this.#distributions.reduce((sum, distribution) => sum + distribution.countAbove(middle), 0);
      if (above >= density * weights) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Coordinate change of each layer for one unit of `pruneFurther`'s depth. */
  get strides(): number[] {
    const largest = Math.max(...this.layers.map((layer) => layer.count));
    return this.layers.map(({ count }, index) => Math.sqrt(count / largest) / this.#logSpans[index]);
  }

  /** Thresholds of a point, layer name -> t >= 0. */
  thresholds(point: readonly number[]): Record<string, number> {
    const densities = this.densities(point);
    return Object.fromEntries(
      this.layers.map((layer, index) => [layer.name, this.#distributions[index].thresholdFor(densities[index])]),
    );
  }

  /** Parameters left at a point, those never pruned included; a known function of the point, never modelled. */
  keptParameters(point: readonly number[]): number {
    const densities = this.densities(point);
    let kept = this.fixedParameters;
    for (let index = 0; index < densities.length; index++) {
      const distribution = this.#distributions[index];
      kept += distribution.keptBy(distribution.thresholdFor(densities[index]));
    }
    return kept;
  }
}

function clip(x: number): number {
  return Math.min(1, Math.max(0, x));
}
