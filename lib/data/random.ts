import { createHash } from 'node:crypto';

/**
 * Seeded generator of uniform numbers: xoshiro128** (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", 2021) whose state is the SHA-256 of the seed's text. Not for secrets.
 *
 * For draws that have names, as a class's split has. The search's generator (bayes/rng.ts) is seeded by a number, and its state
 * goes into journals.
 */
export class TextSeededRandom {
  readonly #state: Uint32Array;
  #spare: number | undefined;

  /** `seed` is any text or number; equal seeds give equal sequences on every machine. */
  constructor(seed: string | number | bigint) {
    const digest = createHash('sha256').update(String(seed)).digest();
    this.#state = new Uint32Array([0, 4, 8, 12].map((offset) => digest.readUInt32LE(offset)));
    if (this.#state.every((word) => word === 0)) this.#state[0] = 1;
  }

  /** Next 32 random bits as an unsigned integer. */
  bits(): number {
    const s = this.#state;
    const s1 = s[1];
    const scrambled = Math.imul(s1, 5);
    const result = Math.imul((scrambled << 7) | (scrambled >>> 25), 9) >>> 0;
    s[2] ^= s[0];
    s[3] ^= s1;
    s[1] = s1 ^ s[2];
    s[0] ^= s[3];
    s[2] ^= s1 << 9;
    s[3] = (s[3] << 11) | (s[3] >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 32 bits fine. */
  uniform(): number {
    return this.bits() / 0x100000000;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.uniform();
  }

  /** Uniform integer in [0, bound), bound in 1..2^31. */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** One of the values, each as likely. */
  pick<T>(values: readonly T[]): T {
    return values[this.integer(values.length)];
  }

  /** Standard normal, by the polar method. */
  normal(): number {
    if (this.#spare !== undefined) {
      const value = this.#spare;
      this.#spare = undefined;
      return value;
    }
    for (;;) {
      const u = this.between(-1, 1);
      const v = this.between(-1, 1);
      const s = u * u + v * v;
      if (s === 0 || s >= 1) continue;
      const factor = Math.sqrt((-2 * Math.log(s)) / s);
      this.#spare = v * factor;
      return u * factor;
    }
  }

  /** A shuffled copy (Fisher and Yates). */
  shuffled<T>(values: readonly T[]): T[] {
    const copy = [...values];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = this.integer(i + 1);
      [copy[i], copy[j]] = [copy[j], copy[i]];
    }
    return copy;
  }
}
