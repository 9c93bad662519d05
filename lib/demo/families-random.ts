/** Source families without a period: noises, cells, strokes. */

import { cellDistances, fractalNoise, fraction, latticeHash, length, smoothstep, valueNoise } from './noise.js';
import type { Family } from './family.js';

const TURN = 2 * Math.PI;

export const randomFamilies: Record<string, Family> = {
  spots: (random) => {
    const seed = random.bits();
    return (x, y) => {
      const { first, id } = cellDistances(x, y, seed, 0.7);
      return 1 - smoothstep(0.18 + 0.14 * id, 0.26 + 0.14 * id, first);
    };
  },

  voronoi: (random) => {
    const seed = random.bits();
    return (x, y) => cellDistances(x * 0.8, y * 0.8, seed, 1).id;
  },

  cells: (random) => {
    const seed = random.bits();
    return (x, y) => Math.min(1, cellDistances(x * 0.8, y * 0.8, seed, 1).first * 1.2);
  },

  clouds: (random) => {
    const seed = random.bits();
    return (x, y) => smoothstep(0.25, 0.75, fractalNoise(x * 0.5, y * 0.5, seed, 4));
  },

  ridges: (random) => {
    const seed = random.bits();
    return (x, y) => 1 - Math.min(1, 5 * Math.abs(fractalNoise(x * 0.7, y * 0.7, seed, 3) - 0.5));
  },

  marble: (random) => {
    const seed = random.bits();
    return (x, y) => 0.5 + 0.5 * Math.sin(TURN * (x * 0.5 + 2.2 * fractalNoise(x * 0.5, y * 0.5, seed, 4)));
  },

  wood: (random) => {
    const [seed, cx] = [random.bits(), random.between(2, 5)];
    return (x, y) => {
      const grain = 0.6 * fractalNoise(x * 0.6, y * 0.2, seed, 3);
      return fraction(1.2 * (length(x - cx, y * 0.25) + grain)) * (0.8 + 0.2 * valueNoise(x * 8, y, seed + 7));
    };
  },

  waves: (random) => {
    const seed = random.bits();
    return (x, y) =>
      0.5 + 0.5 * Math.sin(TURN * (y + 0.35 * Math.sin(TURN * x * 0.4) + 0.4 * valueNoise(x * 0.6, y * 0.3, seed)));
  },

  bands: (random) => {
    const seed = random.bits();
    return (x) => latticeHash(Math.floor(x * 1.7), 0, seed) * 0.8 + 0.2 * latticeHash(Math.floor(x * 4.1), 1, seed);
  },

  speckle: (random) => {
    const [seed, share] = [random.bits(), random.between(0.2, 0.45)];
    return (x, y) => (latticeHash(Math.floor(x * 4), Math.floor(y * 4), seed) < share ? 1 : 0.1);
  },

  blobs: (random) => {
    const seed = random.bits();
    return (x, y) => smoothstep(0.46, 0.54, fractalNoise(x * 0.8, y * 0.8, seed, 2));
  },

  contours: (random) => {
    const seed = random.bits();
    return (x, y) => smoothstep(0.1, 0.25, Math.abs(fraction(7 * fractalNoise(x * 0.4, y * 0.4, seed, 2)) - 0.5));
  },

  bubbles: (random) => {
    const seed = random.bits();
    return (x, y) => {
      const { first, id } = cellDistances(x * 0.8, y * 0.8, seed, 0.8);
      return 1 - smoothstep(0.05, 0.12, Math.abs(first - 0.22 - 0.2 * id));
    };
  },

  scratches: (random) => {
    const seed = random.bits();
    return (x, y) => {
      let light = 0;
      for (let k = 0; k < 7; k++) {
        const angle = Math.PI * latticeHash(k, 0, seed);
        const along = x * Math.cos(angle) + y * Math.sin(angle);
        const across = y * Math.cos(angle) - x * Math.sin(angle);
        const lane = Math.floor(across * 0.7);
        const centre = lane + 0.2 + 0.6 * latticeHash(lane, k, seed + 1);
        const visible = valueNoise(along * 0.5, lane * 9.7 + k, seed + 2) > 0.62;
        if (visible && Math.abs(across * 0.7 - centre) < 0.05) light = 1;
      }
      return light;
    };
  },
};
