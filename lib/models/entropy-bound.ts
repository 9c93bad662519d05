/**
 * What a lossless file cannot go far below without knowing more of a tensor than its density and its exponents.
 *
 * With n entries of which a share p is kept, positions need n H(p) bits (Shannon's bound for entries kept independently),
 * H(p) = -p log2 p - (1 - p) log2(1 - p). A kept float32 needs the order-0 entropy of its 9 upper bits, sign and exponent, as they are
 * distributed in this tensor, and 23 bits of mantissa, which in trained weights looks uniform. The bound counts no bit for
 * saying what p and the distribution are. A file can go below it where kept weights cluster, or mantissas repeat.
 */

/** Kept weights of a tensor, and the bits they need. */
export interface EntropyBound {
  /** Entries other than zero. */
  nonZeros: number;
  /** Bits for each: H(p) / p + 23 + H(sign, exponent); null where nothing is kept. */
  bitsPerNonZero: number | null;
}

function entropyOfCounts(counts: Uint32Array, total: number): number {
  let bits = 0;
  for (const count of counts) if (count > 0) bits -= (count / total) * Math.log2(count / total);
  return bits;
}

/** The bound of one tensor of float32 values. */
export function entropyBound(values: Float32Array): EntropyBound {
  const patterns = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const counts = new Uint32Array(512);
  let nonZeros = 0;
  for (const pattern of patterns) {
    if ((pattern & 0x7fff_ffff) !== 0) {
      counts[pattern >>> 23]++;
      nonZeros++;
    }
  }
  if (nonZeros === 0) return { nonZeros, bitsPerNonZero: null };
  const p = nonZeros / values.length;
  const positions = entropyOfCounts(Uint32Array.of(nonZeros, values.length - nonZeros), values.length) / p;
  return { nonZeros, bitsPerNonZero: positions + 23 + entropyOfCounts(counts, nonZeros) };
}
