import type { TextSeededRandom } from '../data/random.js';

/** Grey value in about [0, 1] at a point of the texture plane; features are about 1 apart. */
export type Field = (x: number, y: number) => number;

/** A kind of texture: draws the free choices of one example. */
export type Family = (random: TextSeededRandom) => Field;
