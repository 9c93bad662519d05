/** The target domain's families: three pairs that share colours and sizes and differ in structure. */

import { cellDistances, fraction, latticeHash, length, smoothstep } from './noise.js';
import type { Family } from './family.js';

export const targetFamilies: Record<string, Family> = {
  /** Quarter circles joining the sides of every tile, turned at random (Truchet tiles). */
  truchet: (random) => {
    const [seed, width] = [random.bits(), random.between(0.12, 0.18)];
    return (x, y) => {
      const turned = latticeHash(Math.floor(x), Math.floor(y), seed) < 0.5;
      const [u, v] = [turned ? 1 - fraction(x) : fraction(x), fraction(y)];
      const distance = Math.abs(Math.min(length(u, v), length(1 - u, 1 - v)) - 0.5);
      return 1 - smoothstep(width - 0.05, width + 0.05, distance);
    };
  },

  /** One of the two diagonals in every tile. */
  maze: (random) => {
    const [seed, width] = [random.bits(), random.between(0.09, 0.14)];
    return (x, y) => {
      const [u, v] = [fraction(x), fraction(y)];
      const falling = latticeHash(Math.floor(x), Math.floor(y), seed) < 0.5;
      const distance = Math.abs(falling ? u - v : u + v - 1) / Math.SQRT2;
      return 1 - smoothstep(width - 0.04, width + 0.04, Math.min(distance, corner(u, v, falling)));
    };
  },

  /** Planks of 2 by 1 laid in a staircase. */
  herringbone: (random) => {
    const [seed, gap] = [random.bits(), random.between(0.06, 0.1)];
    return (x, y) => {
      const [column, row] = [Math.floor(x), Math.floor(y)];
      const phase = (((column - row) % 4) + 4) % 4;
      const [u, v] = [fraction(x), fraction(y)];
      // Phases 0 and 1 are the halves of a lying plank, 2 and 3 of a standing one.
      const lying = phase < 2;
      const end = phase === 0 ? u : phase === 1 ? 1 - u : phase === 2 ? 1 - v : v;
      const side = lying ? Math.min(v, 1 - v) : Math.min(u, 1 - u);
      if (Math.min(end, side) < gap) return 0;
      // The cell in which the plank begins names it.
      const [i, j] = lying ? [column - phase, row] : [column, row + (phase - 3)];
      return 0.55 + 0.4 * latticeHash(i, j, seed + Number(lying));
    };
  },

  /** Square blocks of three parallel slats, turned by a quarter from block to block. */
  parquet: (random) => {
    const [seed, gap] = [random.bits(), random.between(0.05, 0.09)];
    return (x, y) => {
      const [column, row] = [Math.floor(x / 2), Math.floor(y / 2)];
      const lying = ((column + row) & 1) === 0;
      const [along, across] = lying ? [x, y] : [y, x];
      const end = Math.min(fraction(along / 2), 1 - fraction(along / 2)) * 2;
      const slat = across * 1.5;
      const side = Math.min(fraction(slat), 1 - fraction(slat)) / 1.5;
      if (Math.min(end, side) < gap) return 0;
      return 0.55 + 0.4 * latticeHash(Math.floor(along / 2), Math.floor(slat), seed + Number(lying));
    };
  },

  /** Rounded stones with dark gaps, lighter in their middles. */
  pebbles: (random) => {
    const seed = random.bits();
    return (x, y) => {
      const { first, second, id } = cellDistances(x * 0.8, y * 0.8, seed, 0.8);
      const inside = smoothstep(0.04, 0.22, second - first);
      return inside * (0.45 + 0.35 * id + 0.3 * (0.5 - first));
    };
  },

  /** Flat angular chips scattered on a plain ground. */
  terrazzo: (random) => {
    const seed = random.bits();
    return (x, y) => {
      const { first, second, id } = cellDistances(x * 0.9, y * 0.9, seed, 1);
      const chip = second - first > 0.12 + 0.3 * id;
      return chip ? 0.35 + 0.65 * fraction(id * 7.3) : 0.1;
    };
  },
};

/** Distance to the two corners that a tile's diagonal does not touch: neighbouring diagonals end there. */
function corner(u: number, v: number, falling: boolean): number {
  return falling ? Math.min(length(1 - u, v), length(u, 1 - v)) : Math.min(length(u, v), length(1 - u, 1 - v));
}
