/** Source families that repeat: gratings, tilings, weaves. */

import { fraction, latticeHash, length, smoothstep } from './noise.js';
import type { Family } from './family.js';

const TURN = 2 * Math.PI;

/** Distance to the nearest whole number, 0..0.5. */
const toWhole = (value: number) => Math.abs(value - Math.round(value));

export const regularFamilies: Record<string, Family> = {
  gratings: () => (x) => 0.5 + 0.5 * Math.sin(TURN * x),

  checkerboard: () => (x, y) => ((Math.floor(x) + Math.floor(y)) & 1 ? 0.9 : 0.1),

  bricks: (random) => {
    const [seed, gap] = [random.bits(), random.between(0.06, 0.12)];
    return (x, y) => {
      const row = Math.floor(y);
      const across = x / 2 + (row & 1) / 2;
      const joint = Math.min(toWhole(across) * 2, toWhole(y));
      return joint < gap ? 0 : 0.6 + 0.4 * latticeHash(Math.floor(across), row, seed);
    };
  },

  dots: (random) => {
    const radius = random.between(0.2, 0.36);
    return (x, y) => 1 - smoothstep(radius - 0.05, radius + 0.05, length(fraction(x) - 0.5, fraction(y) - 0.5));
  },

  crosshatch: (random) => {
    const [width, lean] = [random.between(0.1, 0.18), random.between(0.6, 1.4)];
    return (x, y) => 1 - 0.5 * Number(toWhole(x + lean * y) < width) - 0.5 * Number(toWhole(x - lean * y) < width);
  },

  woven: () => (x, y) => {
    const over = (Math.floor(x) + Math.floor(y)) & 1;
    const [along, side] = over ? [fraction(x), fraction(y)] : [fraction(y), fraction(x)];
    return Math.abs(side - 0.5) > 0.4 ? 0 : (over ? 0.35 : 0.6) + 0.4 * Math.sin(Math.PI * along);
  },

  zigzag: (random) => {
    const height = random.between(0.5, 1);
    return (x, y) => smoothstep(0.2, 0.3, toWhole(y + 2 * height * toWhole(x)));
  },

  hexagons: (random) => {
    const wall = random.between(0.05, 0.1);
    return (x, y) => {
      const long = Math.sqrt(3);
      const offset = (px: number, py: number) => [px - Math.round(px), py - long * Math.round(py / long)] as const;
      const [ax, ay] = offset(x, y);
      const [bx, by] = offset(x - 0.5, y - long / 2);
      const [cx, cy] = length(ax, ay) < length(bx, by) ? [ax, ay] : [bx, by];
      const edge = Math.max(Math.abs(cx), Math.abs(cx) / 2 + (Math.abs(cy) * long) / 2);
      return edge > 0.5 - wall ? 0 : 0.9;
    };
  },

  triangles: () => (x, y) => {
    const slanted = x - y / Math.sqrt(3);
    const row = y * (2 / Math.sqrt(3));
    return fraction(slanted) + fraction(row) > 1 ? 0.85 : 0.15;
  },

  scales: () => (x, y) => {
    const row = Math.floor(y * 2);
    for (let k = 0; k <= 1; k++) {
      const r = row - k;
      const dx = fraction(x + (r & 1) / 2) - 0.5;
      const distance = length(dx, y - r / 2);
      if (distance < 0.56) return 1 - distance * 1.6;
    }
    return 0.2;
  },

  plaid: (random) => {
    const [a, b] = [random.between(0.15, 0.35), random.between(0.05, 0.12)];
    const stripe = (v: number) => 0.3 * Number(fraction(v) < a) + 0.2 * Number(Math.abs(fraction(v) - 0.7) < b);
    return (x, y) => stripe(x / 1.5) + stripe(y / 1.5);
  },

  rings: (random) => {
    const [cx, cy] = [random.between(-1.5, 1.5), random.between(-1.5, 1.5)];
    return (x, y) => 0.5 + 0.5 * Math.sin(TURN * length(x - cx, y - cy));
  },

  spirals: (random) => {
    const [cx, cy] = [random.between(-1, 1), random.between(-1, 1)];
    const arms = random.pick([-3, -2, 2, 3]);
    return (x, y) => {
      const turn = (Math.atan2(y - cy, x - cx) / TURN) * arms;
      return 0.5 + 0.5 * Math.sin(TURN * (length(x - cx, y - cy) * 0.8 + turn));
    };
  },

  rays: (random) => {
    const [cx, cy, count] = [random.between(-1.5, 1.5), random.between(-1.5, 1.5), 12 + random.integer(14)];
    return (x, y) => 0.5 + 0.5 * Math.sin(count * Math.atan2(y - cy, x - cx));
  },
};
