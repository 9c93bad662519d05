/** The closed formula of test/fixtures/make_reference.py: the same names give the same numbers, bit for bit. */

const GOLDEN = 0x9e3779b9;

/** FNV-1a, 32 bits, of an ASCII name. */
export function hashName(name: string): number {
  let value = 0x811c9dc5;
  for (let i = 0; i < name.length; i++) value = Math.imul(value ^ name.charCodeAt(i), 0x01000193);
  return value >>> 0;
}

/** Word `index` of the stream whose name has this hash. */
export function word(hash: number, index: number): number {
  let value = (Math.imul(index, GOLDEN) + hash) | 0;
  value = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  value = Math.imul(value ^ (value >>> 13), 0xc2b2ae35);
  return (value ^ (value >>> 16)) >>> 0;
}

/** `count` float32 values in offset + scale * [-1, 1), every operation rounded to float32. */
export function uniform(name: string, count: number, scale: number, offset = 0): Float32Array {
  const hash = hashName(name);
  const values = new Float32Array(count);
  const factor = Math.fround(scale);
  const shift = Math.fround(offset);
  for (let i = 0; i < count; i++) {
    const unit = (word(hash, i) >>> 8) / 2 ** 23 - 1;
    values[i] = Math.fround(unit * factor) + shift;
  }
  return values;
}

/** Norm, entries at hashed places, and products with vectors of signs; see `digest` in make_reference.py. */
export interface GradientDigest {
  norm: number;
  projections: number[];
  samples: number[];
}

/** The digest of `gradient` under the parameter's name, with as many projections and samples as `like` has. */
export function digestGradient(name: string, gradient: Float32Array, like: GradientDigest): GradientDigest {
  const hash = hashName(`sign ${name}`);
  const projections = new Float64Array(like.projections.length);
  let square = 0;
  for (let i = 0; i < gradient.length; i++) {
    const value = gradient[i] ?? NaN;
    const signs = word(hash, i);
    square += value * value;
    for (let k = 0; k < projections.length; k++) projections[k] += (signs >>> k) & 1 ? -value : value;
  }
  const places = hashName(`sample ${name}`);
  const samples = like.samples.map((_, i) => gradient[word(places, i) % gradient.length] ?? NaN);
  return { norm: Math.sqrt(square), projections: [...projections], samples };
}

/**
 * Estimate of |gradient - reference| / |reference|: for a difference d and a random sign vector s, E (d . s)^2 = |d|^2,
 * so the root mean square over the projections' differences estimates |d| (within about a factor of 1.5 for 8 of them).
 * The samples, which are entries of d, and the norms, which cannot differ by more than |d|, bound it from below.
 */
export function gradientError(actual: GradientDigest, reference: GradientDigest): number {
  const rms = Math.sqrt(meanSquareDifference(actual.projections, reference.projections));
  const sampled = Math.sqrt(meanSquareDifference(actual.samples, reference.samples) * reference.samples.length);
  return Math.max(rms, sampled / 2, Math.abs(actual.norm - reference.norm)) / reference.norm;
}

function meanSquareDifference(left: number[], right: number[]): number {
  return left.reduce((sum, value, i) => sum + (value - (right[i] ?? NaN)) ** 2, 0) / left.length;
}

/** |actual - reference| / |reference|. */
export function relativeError(actual: ArrayLike<number>, reference: ArrayLike<number>): number {
  if (actual.length !== reference.length) return NaN;
  let difference = 0;
  let size = 0;
  for (let i = 0; i < reference.length; i++) {
    difference += (actual[i] - reference[i]) ** 2;
    size += reference[i] ** 2;
  }
  return Math.sqrt(difference / size);
}
