import { describe, expect, it } from 'vitest';
import type { ValueCoding } from '../../lib/native/addon.js';
import { loadAddon } from '../../lib/native/load.js';
import { randomNumbers } from './support.js';

const addon = loadAddon();

const encode = (dense: Float32Array, values: ValueCoding = 'exact', rowLength = 0) =>
  addon.encodeSparse({ dense, values, rowLength, threads: 2 });
async function decode(bytes: Uint8Array, length: number): Promise<Float32Array> {
  const dense = new Float32Array(length);
  await addon.decodeSparse({ bytes, dense, threads: 2 });
  return dense;
}
const bitsOf = (values: Float32Array) => new Uint32Array(values.buffer, values.byteOffset, values.length);

/** Bit for bit; vitest takes its time over millions of numbers. */
const isSame = (left: Float32Array, right: Float32Array) =>
  Buffer.compare(Buffer.from(left.buffer), Buffer.from(right.buffer)) === 0;

function randomDense(length: number, density: number, seed = 3): Float32Array {
  const random = randomNumbers(seed);
  return Float32Array.from({ length }, () => (random() < density ? random() - 0.5 : 0));
}

describe('coded tensors', () => {
  it.each([0, 0.001, 0.05, 0.5, 1])('give back a tensor of density %d bit for bit', async (density) => {
    const dense = randomDense(70_007, density);
    dense.set([-0, Number.NaN, Number.NEGATIVE_INFINITY, 1e-42], 100);
    bitsOf(dense)[200] = 0xffc0_1234;
    expect(isSame(await decode(await encode(dense), dense.length), dense)).toBe(true);
    expect(isSame(await decode(await encode(dense, 'exact', 10_001), dense.length), dense)).toBe(true);
  });

  it('lose nothing but the signs of zeros as float32', async () => {
    const coded = await encode(Float32Array.of(0, -0, 1.5, -0, -2), 'float32');
    expect(bitsOf(await decode(coded, 5))).toEqual(bitsOf(Float32Array.of(0, 0, 1.5, 0, -2)));
  });

  it('round to float16 and to codebooks, in fewer bytes each', async () => {
    const dense = randomDense(20_000, 0.2);
    const sizes: number[] = [];
    for (const values of ['exact', 'fp16', 'cb8', 'cb4', 'cb2'] as const) {
      const coded = await encode(dense, values);
      sizes.push(coded.length);
      const decoded = await decode(coded, dense.length);
      const worst = Math.max(...decoded.map((value, i) => Math.abs(value - dense[i])));
      expect(worst).toBeLessThan({ exact: 1e-12, fp16: 2e-4, cb8: 0.01, cb4: 0.1, cb2: 0.3 }[values]);
      expect(decoded.every((value, i) => (value === 0) === (dense[i] === 0))).toBe(true);
      if (values.startsWith('cb')) expect(new Set(decoded).size).toBeLessThanOrEqual(1 + 2 ** Number(values[2]));
    }
    expect(sizes).toEqual([...sizes].sort((a, b) => b - a));
  });

  it('reject values that cannot be rounded, and wrong requests', async () => {
    const request = { dense: Float32Array.of(1e6), values: 'fp16' as const, rowLength: 0, threads: 1 };
    await expect(addon.encodeSparse(request)).rejects.toMatchObject({ code: 'E_WEIGHTS' });
    await expect(addon.encodeSparse({ ...request, values: 'cb9' as 'cb8' })).rejects.toMatchObject({ code: 'E_USAGE' });
    const message = 'expected 1 to 4096 for request.threads but received number 0';
    await expect(addon.encodeSparse({ ...request, threads: 0 })).rejects.toMatchObject({ code: 'E_USAGE', message });
    const bytes = await encode(Float32Array.of(1));
    await expect(decode(bytes, 2)).rejects.toMatchObject({ code: 'E_MODEL_FILE' });
    const doubles = new Float64Array(1) as unknown as Float32Array;
    await expect(addon.decodeSparse({ bytes, dense: doubles, threads: 1 })).rejects.toMatchObject({ code: 'E_USAGE' });
    await expect(addon.decodeSparse({ bytes, dense: new Float32Array(1), threads: 0 })).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  it('survive random damage: every answer is a tensor or E_MODEL_FILE', async () => {
    const random = randomNumbers(9);
    const dense = randomDense(400, 0.1);
    const coded = await encode(dense);
    let refusals = 0;
    for (let round = 0; round < 2000; round++) {
      const damaged = Uint8Array.from(coded);
      damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      try {
        expect(await decode(damaged, dense.length)).toHaveLength(dense.length);
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_MODEL_FILE' });
        refusals++;
      }
    }
    expect(refusals).toBeGreaterThan(0);
  });

  it('are coded and decoded while the event loop turns', async () => {
    const dense = randomDense(2_000_000, 0.5);
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const coded = await encode(dense);
    const turnsEncoding = turns;
    const decoded = await decode(coded, dense.length);
    clearInterval(timer);
    expect(turnsEncoding).toBeGreaterThan(0);
    expect(turns - turnsEncoding).toBeGreaterThan(0);
    expect(isSame(decoded, dense)).toBe(true);
  });
});
