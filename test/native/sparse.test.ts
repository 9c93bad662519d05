import { describe, expect, it } from 'vitest';
import { loadAddon } from '../../lib/native/load.js';
import { randomNumbers } from './support.js';

const addon = loadAddon();

describe('sparse positions', () => {
  it.each([0, 0.001, 0.05, 0.5, 1])('give back a tensor of density %d', (density) => {
    const random = randomNumbers(3);
    const dense = Float32Array.from({ length: 10_007 }, () => (random() < density ? random() + 0.5 : 0));
    const { encoding, positions, values } = addon.encodeSparse(dense);
    expect(addon.decodeSparse(encoding, positions, values, dense.length)).toEqual(dense);
    expect(positions.length).toBeLessThanOrEqual(Math.ceil(dense.length / 8));
  });

  it('take fewer bytes as density falls', () => {
    const dense = new Float32Array(100_000);
    for (let i = 0; i < dense.length; i += 1000) dense[i] = 1;
    const { encoding, positions } = addon.encodeSparse(dense);
    expect(encoding).toBe('gaps');
    expect(positions.length).toBe(1 + 99 * 2);
  });

  it('are refused with E_MODEL_FILE where they do not fit, before memory is taken', () => {
    const refused = (call: () => unknown) => expect(call).toThrow(expect.objectContaining({ code: 'E_MODEL_FILE' }));
    const one = Float32Array.of(1);
    refused(() => addon.decodeSparse('gaps', Uint8Array.of(5), one, 5));
    refused(() => addon.decodeSparse('gaps', Uint8Array.of(), one, 5));
    refused(() => addon.decodeSparse('bitmask', Uint8Array.of(1), one, 2 ** 33));
    refused(() => addon.decodeSparse('bitmask', Uint8Array.of(3), one, 5));
    refused(() => addon.decodeSparse('gaps', Uint8Array.of(0), one, -1));
    refused(() => addon.decodeSparse('gaps', Uint8Array.of(0), one, Number.NaN));
    refused(() => addon.decodeSparse('huffman' as 'gaps', Uint8Array.of(0), one, 1));
  });

  it('survive random damage: every answer is a tensor of the right count or E_MODEL_FILE', () => {
    const random = randomNumbers(9);
    const dense = Float32Array.from({ length: 400 }, () => (random() < 0.03 ? 1 : 0));
    const { encoding, positions, values } = addon.encodeSparse(dense);
    let refusals = 0;
    for (let round = 0; round < 2000; round++) {
      const damaged = Uint8Array.from(positions);
      damaged[Math.floor(random() * damaged.length)] = Math.floor(random() * 256);
      try {
        const decoded = addon.decodeSparse(encoding, damaged, values, dense.length);
        expect(decoded.reduce((sum, value) => sum + value, 0)).toBe(values.length);
      } catch (error) {
        expect(error).toMatchObject({ code: 'E_MODEL_FILE' });
        refusals++;
      }
    }
    expect(refusals).toBeGreaterThan(0);
  });
});
