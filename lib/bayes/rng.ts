/**
 * Seeded randomness whose whole state is four integers, so that it can be written to a journal and read back.
 */

/** State of a `Random`: four unsigned 32-bit integers. */
export type RandomState = [number, number, number, number];

/**
 * The sfc32 generator (C. Doty-Humphrey, PractRand): 128 bits of state, passes PractRand and BigCrush, and needs nothing
 * but 32-bit integer arithmetic, so that the sequence is the same on every JavaScript engine.
 */
export class Random {
  private a = 0;
  private b = 0;
  private c = 0;
  private counter = 1;

  /** @param seed any finite number; its lower 53 bits select the sequence. */
  constructor(seed: number) {
    const whole = Math.trunc(Math.abs(seed));
    this.a = whole >>> 0;
    this.b = Math.floor(whole / 4294967296) >>> 0;
    this.c = seed < 0 ? 0x9e3779b9 : 0;
    // The seed enters few bits: mixed until every state bit depends on all of them.
    for (let i = 0; i < 20; i++) this.nextUint32();
  }

  /** The next integer in [0, 2^32). */
  nextUint32(): number {
    const sum = (((this.a + this.b) | 0) + this.counter) | 0;
    this.counter = (this.counter + 1) | 0;
    this.a = this.b ^ (this.b >>> 9);
    this.b = (this.c + (this.c << 3)) | 0;
    this.c = (this.c << 21) | (this.c >>> 11);
    this.c = (this.c + sum) | 0;
    return sum >>> 0;
  }

  /** A uniform number in [0, 1) with 53 random bits. */
  uniform(): number {
    const high = this.nextUint32() >>> 5;
    const low = this.nextUint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A standard normal number (Box and Muller 1958; the second of the pair is dropped to keep the state small). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** A uniform integer in [0, count). */
  integer(count: number): number {
    return Math.floor(this.uniform() * count);
  }

  /** A copy of the state, fit for JSON. */
  state(): RandomState {
    return [this.a >>> 0, this.b >>> 0, this.c >>> 0, this.counter >>> 0];
  }

  /** A generator that goes on exactly where the one `state` was taken from stood. */
  static restore(state: RandomState): Random {
    const random = new Random(0);
    [random.a, random.b, random.c, random.counter] = [state[0] | 0, state[1] | 0, state[2] | 0, state[3] | 0];
    return random;
  }
}
