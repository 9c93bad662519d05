/** Procedural texture images: a family draws the structure, a domain how it is pictured. */

import { TextSeededRandom } from '../data/random.js';
import { randomFamilies } from './families-random.js';
import { regularFamilies } from './families-regular.js';
import { targetFamilies } from './families-target.js';
import type { Family, Field } from './family.js';
import { valueNoise } from './noise.js';

/** The broad domain the demo's network is pre-trained on, and the narrow one it is tuned to. */
export type Domain = 'source' | 'target';

/** Families of each domain by name; no name is in both. */
export const families: Record<Domain, Record<string, Family>> = {
  source: { ...regularFamilies, ...randomFamilies },
  target: targetFamilies,
};

/** Ranges from which a domain draws how an image is pictured. */
interface Look {
  /** Features across the image's width. */
  features: [number, number];
  /** Difference of grey between dark and light, share of the full range. */
  contrast: [number, number];
  /** Standard deviation of the pixel noise, share of the full range; its logarithm is uniform. */
  noise: [number, number];
  /**
   * Share of pictures drowned in noise. They keep the best accuracy that can be reached below 100%, by the same amount for
   * every network.
   */
  spoilt: number;
  /** Strength of the slow change of brightness over the image. */
  shade: [number, number];
  /** Ratio of the texture's two axes. */
  stretch: [number, number];
  /** How far points are displaced, in features. */
  warp: [number, number];
}

const LOOKS: Record<Domain, Look> = {
  source: {
    features: [4, 9],
    contrast: [0.3, 0.9],
    noise: [0.01, 0.12],
    spoilt: 0,
    shade: [0, 0.2],
    stretch: [0.85, 1.2],
    warp: [0, 0.1],
  },
  target: {
    features: [5, 8.5],
    contrast: [0.35, 0.7],
    noise: [0.02, 0.12],
    spoilt: 0.05,
    shade: [0.1, 0.4],
    stretch: [0.8, 1.25],
    warp: [0, 0.15],
  },
};

/** Pixel noise of a spoilt picture, as Look.noise. */
const SPOILT_NOISE = 0.6;

/**
 * Draws one image.
 *
 * @param size height and width in pixels.
 * @param seed any text; the same seed gives the same pixels.
 * @returns uint8 RGB [size, size, 3]
 */
export function renderTexture(domain: Domain, name: string, size: number, seed: string): Uint8Array {
  const random = new TextSeededRandom(seed);
  const field = families[domain][name](random);
  return picture(field, LOOKS[domain], size, random);
}

function picture(field: Field, look: Look, size: number, random: TextSeededRandom): Uint8Array {
  const turn = random.between(0, 2 * Math.PI);
  const [cos, sin] = [Math.cos(turn), Math.sin(turn)];
  const step = random.between(...look.features) / size;
  const stretch = random.between(...look.stretch);
  const [dx, dy] = [random.between(-50, 50), random.between(-50, 50)];
  const warp = random.between(...look.warp);
  const warpSeed = random.bits();
  const shade = random.between(...look.shade);
  const shadeSeed = random.bits();
  const spoilt = random.uniform() < look.spoilt;
  const noise = spoilt ? SPOILT_NOISE : Math.exp(random.between(Math.log(look.noise[0]), Math.log(look.noise[1])));
  const [dark, light] = palette(random.between(...look.contrast), random);

  const pixels = new Uint8Array(size * size * 3);
  let to = 0;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      // The origin is the image's centre, so that rings and rays begin in or near the image.
      const [px, py] = [(column - size / 2) * step, (row - size / 2) * step];
      let x = (px * cos - py * sin) * stretch;
      let y = (px * sin + py * cos) / stretch;
      if (warp > 0) {
        const [u, v] = [x * 0.5 + dx, y * 0.5 + dy];
        x += warp * (2 * valueNoise(u, v, warpSeed) - 1);
        y += warp * (2 * valueNoise(u, v, warpSeed + 1) - 1);
      }
      const value = field(x, y);
      const place = [(2 * column) / size, (2 * row) / size] as const;
      const brightness = shade * (valueNoise(place[0], place[1], shadeSeed) - 0.5);
      for (let c = 0; c < 3; c++) {
        const level = dark[c] + (light[c] - dark[c]) * value + brightness + noise * random.normal();
        pixels[to++] = Math.max(0, Math.min(255, Math.round(255 * level)));
      }
    }
  }
  return pixels;
}

/** Two colours whose grey levels differ by `contrast`, in either order. */
function palette(contrast: number, random: TextSeededRandom): [number[], number[]] {
  const base = random.between(0.05, 0.95 - contrast);
  const colour = (grey: number) => {
    const tint = [random.between(-0.15, 0.15), random.between(-0.15, 0.15), random.between(-0.15, 0.15)];
    const mean = (tint[0] + tint[1] + tint[2]) / 3;
    return tint.map((value) => grey + value - mean);
  };
  const [low, high] = [colour(base), colour(base + contrast)];
  return random.uniform() < 0.5 ? [low, high] : [high, low];
}
