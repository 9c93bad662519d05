import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileError, WeightsError } from '../../../lib/errors.js';
import {
  readSafetensorsHeader,
  readSafetensorsTensor,
  readWeights,
  writeSafetensors,
} from '../../../lib/models/index.js';
import { counting, readDamaged, temporaryFolder } from './support.js';

/** A file with that header and that many bytes behind it. */
function fileWith(header: unknown, dataBytes: number, change: (bytes: Buffer) => Buffer = (bytes) => bytes): string {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const path = join(temporaryFolder(), 'weights.safetensors');
  writeFileSync(path, change(Buffer.concat([length, json, Buffer.alloc(dataBytes)])));
  return path;
}

const tensor = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32'): unknown => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('writeSafetensors', () => {
  it('writes what readWeights and readSafetensorsTensor read', async () => {
    const path = join(temporaryFolder(), 'weights.safetensors');
    const mask = Uint8Array.of(1, 0, 1);
    await writeSafetensors(
      path,
      [
        { name: 'mask', dtype: 'U8', shape: [3], data: mask },
        { name: 'a.weight', dtype: 'F32', shape: [2, 3], data: Float32Array.from(counting(6)) },
        { name: 'late', dtype: 'F32', shape: [2], data: () => Promise.resolve(Float32Array.of(NaN, -0)) },
      ],
      { note: 'ünïcode "quoted"' },
    );
    const weights = await readWeights(path);
    expect(weights.format).toBe('safetensors');
    expect(weights.metadata).toEqual({ note: 'ünïcode "quoted"' });
    expect([...weights.tensors.keys()]).toEqual(['a.weight', 'late']);
    expect(weights.tensors.get('a.weight')).toEqual({ shape: [2, 3], data: Float32Array.from(counting(6)), bytes: 24 });
    expect(weights.tensors.get('late')?.data).toEqual(Float32Array.of(NaN, -0));
    const header = await readSafetensorsHeader(path);
    expect((await readSafetensorsTensor(path, header, 'mask')).data).toEqual(mask);
    await expect(readSafetensorsTensor(path, header, 'other')).rejects.toThrow(/holds no tensor "other"/);
  });

  it('starts every tensor at a multiple of its element size', async () => {
    const path = join(temporaryFolder(), 'weights.safetensors');
    await writeSafetensors(path, [
      { name: 'a', dtype: 'U8', shape: [3], data: new Uint8Array(3) },
      { name: 'b', dtype: 'F32', shape: [1], data: Float32Array.of(1) },
    ]);
    const header = await readSafetensorsHeader(path);
    expect(header.tensors.get('b')!.offset % 4).toBe(0);
  });

  it('leaves the old file and no other where data does not fit its shape', async () => {
    const folder = temporaryFolder();
    const path = join(folder, 'weights.safetensors');
    writeFileSync(path, 'old');
    const write = writeSafetensors(path, [{ name: 'a', dtype: 'F32', shape: [3], data: Float32Array.of(1) }]);
    await expect(write).rejects.toThrow(/"a" needs 12 bytes but has 4/);
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(folder)).toEqual(['weights.safetensors']);
  });

  it('names the path where the folder does not exist', async () => {
    const path = join(temporaryFolder(), 'missing', 'weights.safetensors');
    await expect(writeSafetensors(path, [])).rejects.toThrow(FileError);
    await expect(writeSafetensors(path, [])).rejects.toThrow(/missing does not exist; make it first/);
  });
});

describe('readWeights of .safetensors', () => {
  it('converts float64, float16 and bfloat16 to float32 and leaves integers out', async () => {
    const path = fileWith(
      {
        half: { dtype: 'F16', shape: [5], data_offsets: [0, 10] },
        brain: { dtype: 'BF16', shape: [3], data_offsets: [10, 16] },
        double: { dtype: 'F64', shape: [2], data_offsets: [16, 32] },
        steps: { dtype: 'I64', shape: [], data_offsets: [32, 40] },
      },
      40,
      (bytes) => {
        const data = bytes.subarray(bytes.length - 40);
        // 1, -2, the smallest subnormal, infinity, the largest finite value.
        [0x3c00, 0xc000, 0x0001, 0x7c00, 0x7bff].forEach((bits, i) => data.writeUInt16LE(bits, 2 * i));
        [0x3f80, 0xc0a0, 0x7f80].forEach((bits, i) => data.writeUInt16LE(bits, 10 + 2 * i));
        data.writeDoubleLE(0.1, 16);
        data.writeDoubleLE(-3, 24);
        return bytes;
      },
    );
    const { tensors } = await readWeights(path);
    expect([...tensors.keys()]).toEqual(['half', 'brain', 'double']);
    expect(tensors.get('half')!.data).toEqual(Float32Array.of(1, -2, 2 ** -24, Infinity, 65504));
    expect(tensors.get('brain')!.data).toEqual(Float32Array.of(1, -5, Infinity));
    expect(tensors.get('double')!.data).toEqual(Float32Array.of(0.1, -3));
  });

  it('converts a tensor of more than one piece', async () => {
    const count = 700_001;
    const values = Float64Array.from({ length: count }, (_, i) => i);
    const path = join(temporaryFolder(), 'weights.safetensors');
    await writeSafetensors(path, [{ name: 'a', dtype: 'F64', shape: [count], data: new Uint8Array(values.buffer) }]);
    const read = (await readWeights(path)).tensors.get('a')!.data;
    expect(read.length).toBe(count);
    expect(read.findIndex((value, i) => value !== i)).toBe(-1);
  });

  const wrong: [string, () => string, RegExp][] = [
    ['an empty file', () => fileWith('', 0, () => Buffer.alloc(0)), /empty/],
    ['a few bytes', () => fileWith('', 0, () => Buffer.alloc(5)), /only 5 bytes/],
    [
      'a header length beyond the file',
      () => fileWith('{}', 0, (b) => (b.writeBigUInt64LE(1_000_000n), b)),
      /its header would be 1000000 bytes but the file has 10/,
    ],
    ['a header length of 2^63', () => fileWith('{}', 0, (b) => (b.writeBigUInt64LE(1n << 63n), b)), /header would be/],
    ['a header that is not JSON', () => fileWith('{"a": ', 0), /not JSON/],
    ['a header that is not UTF-8', () => fileWith('{"a": 1}', 0, (b) => (b.writeUInt8(0xff, 10), b)), /not JSON/],
    ['a cut file', () => fileWith({ a: tensor(0, 16) }, 15), /tensors end at byte/],
    ['bytes nobody owns at the end', () => fileWith({ a: tensor(0, 16) }, 17), /tensors end at byte/],
    ['overlapping tensors', () => fileWith({ a: tensor(0, 16), b: tensor(12, 24) }, 24), /"b" overlaps/],
    ['a gap', () => fileWith({ a: tensor(0, 16), b: tensor(20, 24) }, 24), /"b" follows a gap/],
    [
      'a tensor named twice',
      () => fileWith(`{"a":${JSON.stringify(tensor(0, 4))},"a":${JSON.stringify(tensor(0, 4))}}`, 4),
      /names a tensor twice/,
    ],
    ['an unknown element type', () => fileWith({ a: tensor(0, 4, [1], 'F31') }, 4), /unknown element type "F31"/],
    [
      'an element type that is no string',
      () => fileWith({ a: { dtype: [[]], shape: [1], data_offsets: [0, 4] } }, 4),
      /unknown element type/,
    ],
    ['a size that does not fit the shape', () => fileWith({ a: tensor(0, 8, [3]) }, 8), /needs 12 bytes but has 8/],
    [
      'a shape whose product overflows',
      () => fileWith({ a: tensor(0, 8, [2 ** 52, 2 ** 52]) }, 8),
      /needs .* bytes but has 8/,
    ],
    ['a negative extent', () => fileWith({ a: tensor(0, 4, [-1]) }, 4), /not a list of whole numbers/],
    ['a fraction as extent', () => fileWith({ a: tensor(0, 4, [0.5, 2]) }, 4), /not a list of whole numbers/],
    ['offsets in reverse', () => fileWith({ a: tensor(4, 0, [1]) }, 4), /data_offsets/],
    ['a tensor that is not described', () => fileWith({ a: 3 }, 4), /not described by an object/],
    ['metadata that is no strings', () => fileWith({ __metadata__: { a: 1 } }, 0), /__metadata__/],
    ['an 8-bit float', () => fileWith({ a: tensor(0, 4, [4], 'F8_E4M3') }, 4), /save it as float32/],
  ];

  it.each(wrong)('refuses %s', async (_, make, message) => {
    const path = make();
    await expect(readWeights(path)).rejects.toThrow(WeightsError);
    await expect(readWeights(path)).rejects.toThrow(message);
    await expect(readWeights(path)).rejects.toThrow(path);
  });

  it('keeps __proto__ as a plain name', async () => {
    const path = fileWith(`{"__metadata__":{"__proto__":"x"},"__proto__":${JSON.stringify(tensor(0, 4))}}`, 4);
    const { tensors, metadata } = await readWeights(path);
    expect([...tensors.keys()]).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
  });

  it('names a missing file and a folder', async () => {
    const folder = temporaryFolder();
    await expect(readWeights(join(folder, 'none.safetensors'))).rejects.toThrow(/no such file: .*none\.safetensors/);
    await expect(readWeights(folder)).rejects.toThrow(FileError);
  });

  it('answers every damaged file with a typed error or with tensors', async () => {
    const path = join(temporaryFolder(), 'weights.safetensors');
    await writeSafetensors(
      path,
      [
        { name: 'a.weight', dtype: 'F32', shape: [2, 3], data: Float32Array.from(counting(6)) },
        { name: 'mask', dtype: 'U8', shape: [3], data: Uint8Array.of(1, 0, 1) },
      ],
      { format: 'pt' },
    );
    const { failed, messages } = await readDamaged(path, 3000, readWeights);
    expect(failed).toBeGreaterThan(2000);
    expect(messages.size).toBeGreaterThan(20);
  }, 60_000);
});

describe('readWeights of what is no weight file', () => {
  it.each([
    ['page.safetensors', '<!DOCTYPE html><html></html>', /header|web page/],
    ['page.pth', '<!DOCTYPE html><html></html>', /a web page, the download went wrong/],
    ['pointer.pth', 'version https://git-lfs.github.com/spec/v1\noid sha256:0\n', /git lfs pull/],
    ['notes.txt', 'just a text file', /of an unknown kind; weight files are/],
  ])('says what %s is', async (name, content, message) => {
    const path = join(temporaryFolder(), name);
    writeFileSync(path, content);
    await expect(readWeights(path)).rejects.toThrow(WeightsError);
    await expect(readWeights(path)).rejects.toThrow(message);
  });
});
