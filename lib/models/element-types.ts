/** Floating-point element types of weight files, and their way to float32. */
import type { ByteFile } from './byte-file.js';

export type FloatType = 'F64' | 'F32' | 'F16' | 'BF16';

/** Bytes of one element. */
export const FLOAT_BYTES: Record<FloatType, number> = { F64: 8, F32: 4, F16: 2, BF16: 2 };

const PIECE = 1024 * 1024;

/** IEEE 754 binary16 to a number; exact. */
export function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

function convert(type: FloatType, bytes: Uint8Array, target: Float32Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = bytes.length / FLOAT_BYTES[type];
  if (type === 'BF16') {
    // bfloat16 is the upper half of a float32.
    const patterns = new Uint32Array(target.buffer, target.byteOffset, target.length);
    for (let i = 0; i < count; i++) patterns[at + i] = view.getUint16(i * 2, true) << 16;
  } else if (type === 'F16') {
    for (let i = 0; i < count; i++) target[at + i] = halfToNumber(view.getUint16(i * 2, true));
  } else {
    for (let i = 0; i < count; i++)
      target[at + i] = type === 'F64' ? view.getFloat64(i * 8, true) : view.getFloat32(i * 4, true);
  }
}

function swap(type: FloatType, bytes: Uint8Array): void {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (FLOAT_BYTES[type] === 8) buffer.swap64();
  else if (FLOAT_BYTES[type] === 4) buffer.swap32();
  else buffer.swap16();
}

/**
 * `count` elements from `offset` of a file as float32. Other types pass through a small buffer, so that no more than the
 * result is held.
 *
 * @param options.bigEndian the file's byte order. @param options.onBytes sees the raw bytes in order, for checksums.
 * @throws WeightsError where the file ends before.
 */
export async function readFloats(
  file: ByteFile,
  type: FloatType,
  offset: number,
  count: number,
  options: { bigEndian?: boolean; onBytes?: (bytes: Uint8Array) => void } = {},
): Promise<Float32Array> {
  const width = FLOAT_BYTES[type];
  if (offset + count * width > file.size) await file.read(offset, count * width);
  const values = new Float32Array(count);
  if (type === 'F32') {
    const bytes = new Uint8Array(values.buffer);
    await file.readInto(bytes, offset, options.onBytes);
    if (options.bigEndian === true) swap(type, bytes);
    return values;
  }
  const piece = new Uint8Array(Math.min(PIECE, count * width));
  for (let done = 0; done < count;) {
    const bytes = piece.subarray(0, Math.min(PIECE, (count - done) * width));
    await file.readInto(bytes, offset + done * width, options.onBytes);
    if (options.bigEndian === true) swap(type, bytes);
    convert(type, bytes, values, done);
    done += bytes.length / width;
  }
  return values;
}
