/** Lattice hashes and the noises made of them. Everything is a pure function of position and seed. */

/** A hash of a lattice point as a number in [0, 1); `seed` is any 32-bit integer. */
export function latticeHash(x: number, y: number, seed: number): number {
  let h = Math.imul(x | 0, 0x27d4eb2f) ^ Math.imul(y | 0, 0x165667b1) ^ Math.imul(seed | 0, 0x9e3779b1);
  h = Math.imul(h ^ (h >>> 15), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return ((h ^ (h >>> 16)) >>> 0) / 0x100000000;
}

/** Smooth 0..1 step with zero slope at both ends. */
export function smoothstep(low: number, high: number, value: number): number {
  const t = Math.min(1, Math.max(0, (value - low) / (high - low)));
  return t * t * (3 - 2 * t);
}

/** Share of a value behind its whole part, in [0, 1). */
export function fraction(value: number): number {
  return value - Math.floor(value);
}

/** Length of a vector. Math.hypot is many times slower. */
export function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

/** Value noise with lattice distance 1, in [0, 1], mean near 0.5. */
export function valueNoise(x: number, y: number, seed: number): number {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  const u = smoothstep(0, 1, x - column);
  const v = smoothstep(0, 1, y - row);
  const top = latticeHash(column, row, seed) * (1 - u) + latticeHash(column + 1, row, seed) * u;
  const bottom = latticeHash(column, row + 1, seed) * (1 - u) + latticeHash(column + 1, row + 1, seed) * u;
  return top * (1 - v) + bottom * v;
}

/** Sum of octaves of value noise, each of half the size and half the weight of the one before; in [0, 1]. */
export function fractalNoise(x: number, y: number, seed: number, octaves: number): number {
  let [sum, weight, total] = [0, 1, 0];
  for (let octave = 0; octave < octaves; octave++) {
    sum += weight * valueNoise(x, y, seed + octave * 101);
    total += weight;
    weight /= 2;
    x *= 2;
    y *= 2;
  }
  return sum / total;
}

/** Distances to the nearest and second nearest of jittered lattice points, and a hash of the nearest. */
export interface CellDistances {
  first: number;
  second: number;
  id: number;
}

/** Worley noise ("A cellular texture basis function", SIGGRAPH 1996) with one point a cell; `jitter` in [0, 1]. */
export function cellDistances(x: number, y: number, seed: number, jitter: number): CellDistances {
  const [column, row] = [Math.floor(x), Math.floor(y)];
  let [first, second, id] = [9, 9, 0];
  for (let j = row - 1; j <= row + 1; j++) {
    for (let i = column - 1; i <= column + 1; i++) {
      const px = i + 0.5 + jitter * (latticeHash(i, j, seed) - 0.5);
      const py = j + 0.5 + jitter * (latticeHash(i, j, seed + 1) - 0.5);
      const distance = length(px - x, py - y);
      if (distance < first) {
        second = first;
        first = distance;
        id = latticeHash(i, j, seed + 2);
      } else if (distance < second) {
        second = distance;
      }
    }
  }
  return { first, second, id };
}
