/**
 * Scrambled Sobol points: a quasi-random sequence that fills the unit cube evenly at every length.
 */
import { UsageError } from '../errors.js';
import type { Random } from './rng.js';
import { SOBOL_DIRECTIONS } from './sobol-directions.js';

const BITS = 32;

/** Direction integers v_1 ... v_32 of every dimension, dimension 1 being the van der Corput sequence. */
const directions: Uint32Array[] = [Uint32Array.from({ length: BITS }, (_, bit) => (1 << (BITS - 1 - bit)) >>> 0)];
for (const word of SOBOL_DIRECTIONS.trim().split(/\s+/)) directions.push(directionIntegers(word));

/** The largest number of dimensions `SobolSequence` knows. */
export const MAXIMUM_SOBOL_DIMENSIONS = directions.length;

/**
 * Direction integers from a polynomial and its initial numbers, by Joe and Kuo's recurrence:
 * v_k = a_1 v_{k-1} ^ ... ^ a_{s-1} v_{k-s+1} ^ v_{k-s} ^ (v_{k-s} >> s).
 */
function directionIntegers(word: string): Uint32Array {
  const [polynomialText, initialText] = word.split(':') as [string, string];
  const polynomial = Number(polynomialText);
  const initial = initialText.split('.').map(Number);
  const degree = initial.length;
  const integers = new Uint32Array(BITS);
  for (let k = 0; k < BITS; k++) {
    if (k < degree) {
      integers[k] = initial[k] << (BITS - 1 - k);
      continue;
    }
    let value = integers[k - degree] ^ (integers[k - degree] >>> degree);
    for (let term = 1; term < degree; term++) {
      if ((polynomial >>> (degree - term)) & 1) value ^= integers[k - term];
    }
    integers[k] = value;
  }
  return integers;
}

/** The order of the bits of a 32-bit integer turned round. */
function reverseBits(value: number): number {
  value = ((value >>> 1) & 0x55555555) | ((value & 0x55555555) << 1);
  value = ((value >>> 2) & 0x33333333) | ((value & 0x33333333) << 2);
  value = ((value >>> 4) & 0x0f0f0f0f) | ((value & 0x0f0f0f0f) << 4);
  value = ((value >>> 8) & 0x00ff00ff) | ((value & 0x00ff00ff) << 8);
  return (value >>> 16) | (value << 16);
}

/**
 * Owen's nested uniform scrambling by a hash in which a bit depends on the higher bits only (B. Burley, "Practical
 * hash-based Owen scrambling", JCGT 9, 2020, with N. Vegdahl's constants).
 */
function scramble(value: number, seed: number): number {
  let bits = reverseBits(value);
  bits ^= Math.imul(bits, 0x3d20adea);
  bits = (bits + seed) | 0;
  bits = Math.imul(bits, (seed >>> 16) | 1);
  bits ^= Math.imul(bits, 0x05526c56);
  bits ^= Math.imul(bits, 0x53a22864);
  return reverseBits(bits) >>> 0;
}

/**
 * A scrambled Sobol sequence in (0, 1)^dimensions.
 *
 * @param random gives the scrambling; null for the plain sequence.
 * @throws UsageError where `dimensions` is beyond the table (256).
 */
export class SobolSequence {
  private readonly seeds: Uint32Array | null;
  private readonly current: Uint32Array;
  private index = 0;

  constructor(
    readonly dimensions: number,
    random: Random | null,
  ) {
    if (!Number.isInteger(dimensions) || dimensions < 1 || dimensions > MAXIMUM_SOBOL_DIMENSIONS) {
      throw new UsageError(
        `SobolSequence: expected 1 to ${MAXIMUM_SOBOL_DIMENSIONS} dimensions but received ${dimensions}; group coordinates to have fewer`,
      );
    }
    this.seeds = random ? Uint32Array.from({ length: dimensions }, () => random.nextUint32()) : null;
    this.current = new Uint32Array(dimensions);
  }

  /** The next point, written to `target` where given. */
  next(target: Float64Array = new Float64Array(this.dimensions)): Float64Array {
    for (let k = 0; k < this.dimensions; k++) {
      const bits = this.seeds ? scramble(this.current[k], this.seeds[k]) : this.current[k];
      // Half a unit in the last place keeps the point inside the open cube.
      target[k] = (bits + 0.5) / 4294967296;
    }
    // Gray-code order (Antonov and Saleev 1979): one direction integer a step and dimension.
    let bit = 0;
    for (let rest = this.index; rest & 1; rest >>>= 1) bit++;
    for (let k = 0; k < this.dimensions; k++) this.current[k] ^= directions[k][bit];
    this.index++;
    return target;
  }
}
