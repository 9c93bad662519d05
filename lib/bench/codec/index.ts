/**
 * `bench codec`: coding and decoding tensors beside a plain copy and beside zlib, which is what a user would compress a file of
 * zeros with. Rates are bytes of dense float32 a second; all contenders take the same tensor in turn.
 */
import { deflateSync, inflateSync } from 'node:zlib';
import { Random } from '../../bayes/rng.js';
import { AbortedError, InternalError } from '../../errors.js';
import { entropyBound } from '../../models/entropy-bound.js';
import { loadAddon } from '../../native/load.js';
import { decodeSparse, encodeSparse } from '../../native/sparse-codec.js';
import { describeMachine } from '../machine.js';
import { median, rowOf } from '../statistics.js';
import type { BenchReport, BenchRow, RowListener } from '../types.js';

export interface BenchCodecOptions {
  /** Shares of weights kept. */
  densities: readonly number[];
  /** Entries of the tensor, a whole number of rows of ROW_LENGTH. */
  entries: number;
  threads: number;
  /** Times each contender runs at each density. */
  repetitions: number;
  onRow?: RowListener | undefined;
  signal?: AbortSignal | undefined;
}

/** As of a convolution of 512 channels and 3 x 3 kernels. */
export const ROW_LENGTH = 4608;

export const CODEC_DENSITIES = [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01] as const;

/** Bytes that zlib is given room for at once. */
const LARGEST_CHUNK = 2 ** 30;

interface Contender {
  name: string;
  /** Encodes and decodes; seconds of each, and bytes of the code. */
  run: (dense: Float32Array) => Promise<{ encode: number; decode: number; bytes: number }>;
}

/** Normal weights of which each is kept with the given probability; seeded. */
function randomWeights(entries: number, density: number): Float32Array {
  const random = new Random(1);
  return Float32Array.from({ length: entries }, () => (random.uniform() < density ? 0.03 * random.normal() : 0));
}

/** Seconds a piece of work took, and what it gave. */
async function timed<Result>(work: () => Result | Promise<Result>): Promise<[Result, number]> {
  const startedAt = performance.now();
  const result = await work();
  return [result, (performance.now() - startedAt) / 1000];
}

function contenders(threads: number): Contender[] {
  loadAddon(); // before anything is timed
  const view = (dense: Float32Array): Uint8Array => new Uint8Array(dense.buffer, dense.byteOffset, dense.byteLength);
  // Made once, as the copy's target is: what allocating costs a JavaScript engine, its garbage collection with it, is
  // no part of decoding.
  let decoded = new Float32Array(0);
  return [
    {
      name: 'ours',
      run: async (dense) => {
        if (decoded.length !== dense.length) decoded = new Float32Array(dense.length);
        decoded.fill(Number.NaN);
        const request = { dense, values: 'exact' as const, rowLength: ROW_LENGTH, threads };
        const [bytes, encode] = await timed(() => encodeSparse(request));
        const [, decode] = await timed(() => decodeSparse({ bytes, dense: decoded, threads }));
        if (Buffer.compare(view(decoded), view(dense)) !== 0) throw new InternalError('the codec changed a tensor');
        return { encode, decode, bytes: bytes.length };
      },
    },
    {
      name: 'zlib level 6, 1 thread',
      run: async (dense) => {
        const [bytes, encode] = await timed(() => deflateSync(view(dense), { level: 6 }));
        // In one piece: gathering its usual pieces of 16 KB takes up to half as long again as inflating them.
        const chunkSize = Math.min(dense.byteLength + 1, LARGEST_CHUNK);
        const [, decode] = await timed(() => inflateSync(bytes, { chunkSize }));
        return { encode, decode, bytes: bytes.length };
      },
    },
    {
      name: 'copy',
      run: async (dense) => {
        const [copied, encode] = await timed(() => dense.slice());
        const [, decode] = await timed(() => dense.set(copied));
        return { encode, decode, bytes: dense.byteLength };
      },
    },
  ];
}

/** @throws NativeLoadError where the addon does not load; AbortedError when the signal fires. */
export async function benchCodec(options: BenchCodecOptions): Promise<BenchReport> {
  const { densities, entries, threads, repetitions, onRow, signal } = options;
  const rows: BenchRow[] = [];
  const ratios: Record<string, number> = {};
  const add = (row: BenchRow): void => {
    rows.push(row);
    onRow?.(row);
  };
  for (const density of new Set(densities)) {
    const dense = randomWeights(entries, density);
    const measured = new Map(contenders(threads).map((contender) => [contender, newMeasurements()]));
    for (let repetition = 0; repetition < repetitions; repetition++) {
      for (const [{ run }, { encode, decode, bytes }] of measured) {
        if (signal?.aborted === true) throw new AbortedError('stopped between two measurements');
        const result = await run(dense);
        encode.push(result.encode);
        decode.push(result.decode);
        bytes.push(result.bytes);
      }
    }
    const at = `density ${density}`;
    const megabytes = dense.byteLength / 1e6;
    for (const [{ name }, { encode, decode, bytes }] of measured) {
      add(rowOf(`${at}: ${name}, encode`, 'MB/s', 'high', ratesOf(encode, megabytes), encode));
      add(rowOf(`${at}: ${name}, decode`, 'MB/s', 'high', ratesOf(decode, megabytes), decode));
      add(rowOf(`${at}: ${name}, size`, 'share of dense', 'low', [bytes[0] / dense.byteLength]));
    }
    const [ours, zlib] = [...measured.values()];
    const { nonZeros, bitsPerNonZero } = entropyBound(dense);
    ratios[`${at}: encode, ours / zlib`] = median(zlib.encode) / median(ours.encode);
    ratios[`${at}: decode, ours / zlib`] = median(zlib.decode) / median(ours.decode);
    ratios[`${at}: bytes, ours / zlib`] = ours.bytes[0] / zlib.bytes[0];
    // There is no bound where no weight was kept.
    if (bitsPerNonZero !== null)
      ratios[`${at}: bytes, ours / bound`] = (8 * ours.bytes[0]) / (nonZeros * bitsPerNonZero);
  }
  return { rows, ratios, machine: describeMachine({ zlib: process.versions.zlib }, threads) };
}

function newMeasurements(): { encode: number[]; decode: number[]; bytes: number[] } {
  return { encode: [], decode: [], bytes: [] };
}

function ratesOf(seconds: readonly number[], megabytes: number): number[] {
  return seconds.map((value) => megabytes / value);
}
