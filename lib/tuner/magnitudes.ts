/**
 * The distribution of a layer's weight magnitudes, and what a threshold keeps of it.
 *
 * Built from the native histogram over the upper 16 bits of float32 patterns (bins under 0.8% wide), so that the search can
 * ask thousands of times what a threshold would keep without touching the weights.
 */
import type { MagnitudeHistogram } from '../native/addon.js';

/** Hysteresis of Dynamic Network Surgery: a = 0.9 t, b = 1.1 t (Guo, Yao, Chen, NIPS 2016, eq. 3 and its code). */
export const HYSTERESIS = { lower: 0.9, upper: 1.1 } as const;

const BITS = new DataView(new ArrayBuffer(4));

/** Lower edge of a bin: the float32 whose upper 16 bits are `bin`. */
function edgeOf(bin: number): number {
  BITS.setUint32(0, (bin << 16) >>> 0);
  return BITS.getFloat32(0);
}

/** Bin of a magnitude >= 0. */
function binOf(magnitude: number): number {
  BITS.setFloat32(0, magnitude);
  return BITS.getUint32(0) >>> 16;
}

/** above[b] = count of weights in bin b or a higher one. */
function countsAbove(bins: Uint32Array): Float64Array {
  const above = new Float64Array(bins.length + 1);
  for (let bin = bins.length - 1; bin >= 0; bin--) {
    above[bin] = above[bin + 1] + bins[bin];
  }
  return above;
}

/** Magnitudes of one layer's weights, those under the mask and those it hides. */
export class MagnitudeDistribution {
  /** Number of weights. */
  readonly count: number;
  readonly #kept: Float64Array;
  readonly #pruned: Float64Array;

  constructor(histogram: MagnitudeHistogram) {
    this.#kept = countsAbove(histogram.kept);
    this.#pruned = countsAbove(histogram.pruned);
    this.count = this.#kept[0] + this.#pruned[0];
  }

  /**
   * The threshold t with (nearly) `density` of all weights at or above it, density in (0, 1]; 0 for density 1.
   * Weights inside a bin are taken as evenly spread.
   */
  thresholdFor(density: number): number {
    if (density >= 1) return 0;
    const target = density * this.count;
    let low = 0;
    let high = this.#kept.length - 1;
    // Largest bin with at least `target` weights in it or above.
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (this.#kept[middle] + this.#pruned[middle] >= target) low = middle;
      else high = middle;
    }
    const atOrAbove = this.#kept[low] + this.#pruned[low];
    const above = this.#kept[low + 1] + this.#pruned[low + 1];
    const inside = atOrAbove - above;
    const share = inside > 0 ? (atOrAbove - target) / inside : 0;
    const lowerEdge = edgeOf(low);
    const upperEdge = edgeOf(low + 1);
    return Number.isFinite(upperEdge) ? lowerEdge + share * (upperEdge - lowerEdge) : lowerEdge;
  }

  /** Weights at or above a threshold t >= 0, kept now or not: the other way of `thresholdFor`. */
  countAbove(threshold: number): number {
    return interpolate(this.#kept, threshold) + interpolate(this.#pruned, threshold);
  }

  /**
   * Weights left after a mask refresh with threshold t: those now kept with |W| >= a, and those now pruned with |W| >= b
   * (Guo et al. 2016, eq. 3). Exact up to the width of a bin.
   */
  keptBy(threshold: number): number {
    return (
      interpolate(this.#kept, HYSTERESIS.lower * threshold) + interpolate(this.#pruned, HYSTERESIS.upper * threshold)
    );
  }
}

function interpolate(above: Float64Array, magnitude: number): number {
  if (magnitude <= 0) return above[0];
  const bin = binOf(magnitude);
  const lowerEdge = edgeOf(bin);
  const upperEdge = edgeOf(bin + 1);
  const share = Number.isFinite(upperEdge) ? (magnitude - lowerEdge) / (upperEdge - lowerEdge) : 0;
  return above[bin] - Math.min(1, Math.max(0, share)) * (above[bin] - above[bin + 1]);
}
