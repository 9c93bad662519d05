/** Tensors of .safetensors files, in and out. */
import { InternalError, WeightsError } from '../errors.js';
import { writeFileAtomically } from '../atomic-file.js';
import { ByteFile } from './byte-file.js';
import { blankChecksums, CHECKSUMS, crcOf, sealHeader } from './checksums.js';
import { FLOAT_BYTES, readFloats, type FloatType } from './element-types.js';
import {
  ELEMENT_BYTES,
  type ElementType,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from './safetensors-header.js';
import { elementsOf } from './shapes.js';
import { quote } from './text.js';

export {
  readSafetensorsHeader,
  type ElementType,
  type SafetensorsEntry,
  type SafetensorsHeader,
} from './safetensors-header.js';

type TensorData = Uint8Array | Float32Array;

/** A tensor to write. `data` may be a function, called when the tensor's turn comes. */
export interface SafetensorsTensor {
  name: string;
  dtype: ElementType;
  shape: readonly number[];
  data: TensorData | (() => TensorData | undefined | Promise<TensorData | undefined>);
}

/** Whether an element type is one of the floating-point ones that become float32. */
export function isFloatType(dtype: ElementType): dtype is FloatType {
  return Object.hasOwn(FLOAT_BYTES, dtype);
}

/** One tensor of an open file: floats as float32, every other type as its bytes. */
export async function readEntry(file: ByteFile, entry: SafetensorsEntry): Promise<TensorData> {
  if (isFloatType(entry.dtype)) return readFloats(file, entry.dtype, entry.offset, elementsOf(entry.shape));
  return new Uint8Array(await file.read(entry.offset, entry.bytes));
}

/**
 * One tensor of a file whose header is at hand.
 *
 * @returns float32 for F64, F32, F16, BF16; the bytes of every other type.
 * @throws WeightsError where the file has no such tensor or is cut.
 */
export async function readSafetensorsTensor(
  path: string,
  header: SafetensorsHeader,
  name: string,
): Promise<{ dtype: ElementType; shape: number[]; data: TensorData }> {
  const entry = header.tensors.get(name);
  if (entry === undefined)
    throw new WeightsError(`${path} holds no tensor ${quote(name)}; it has ${header.tensors.size} others`);
  const file = await ByteFile.open(path);
  try {
    return { dtype: entry.dtype, shape: [...entry.shape], data: await readEntry(file, entry) };
  } finally {
    await file.close();
  }
}

/**
 * Writes float32 tensors as they are, for any other program.
 *
 * @param metadata the header's __metadata__; what is undefined is left out.
 * @throws as writeSafetensors.
 */
export async function writePlainSafetensors(
  path: string,
  tensors: ReadonlyMap<string, { shape: readonly number[]; data: Float32Array }>,
  metadata: Readonly<Partial<Record<string, string>>>,
): Promise<void> {
  const known = Object.entries(metadata).filter((entry): entry is [string, string] => entry[1] !== undefined);
  await writeSafetensors(
    path,
    [...tensors].map(([name, { shape, data }]) => ({ name, dtype: 'F32', shape, data })),
    Object.fromEntries(known),
  );
}

function layOut(tensors: Iterable<SafetensorsTensor>): { order: SafetensorsTensor[]; described: [string, unknown][] } {
  // Wide elements first, as the format's own writer does: every tensor then starts at a multiple of its element.
  const order = [...tensors].sort((a, b) => ELEMENT_BYTES[b.dtype] - ELEMENT_BYTES[a.dtype]);
  const names = new Set<string>();
  let position = 0;
  const described = order.map(({ name, dtype, shape }): [string, unknown] => {
    if (names.has(name) || name === '__metadata__') throw new InternalError(`tensor ${quote(name)} is written twice`);
    names.add(name);
    const begin = position;
    position += elementsOf(shape) * ELEMENT_BYTES[dtype];
    return [name, { dtype, shape, data_offsets: [begin, position] }];
  });
  return { order, described };
}

function headerBytes(described: [string, unknown][], metadata: Record<string, string>): Buffer {
  const entries: [string, unknown][] =
    Object.keys(metadata).length > 0 ? [['__metadata__', metadata], ...described] : described;
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const padded = Math.ceil(json.length / 8) * 8;
  const bytes = Buffer.alloc(8 + padded, ' ');
  bytes.writeBigUInt64LE(BigInt(padded), 0);
  json.copy(bytes, 8);
  return bytes;
}

function checksumOf(tensors: readonly SafetensorsTensor[]): number {
  return tensors.reduce((sum, { name, data }) => {
    if (typeof data === 'function') throw new InternalError(`tensor ${quote(name)} has no data to take a checksum of`);
    return crcOf(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), sum);
  }, 0);
}

/**
 * Writes tensors as .safetensors: atomically, fsynced, one tensor at a time.
 *
 * @param metadata the header's __metadata__.
 * @param options.checksums adds those of checksums.ts to it; no tensor's data may then be a function.
 * @throws FileError where the file cannot be written (a full disk, permissions): what stood at `path` stays, and nothing
 *   is left behind. InternalError where data does not fit its shape.
 */
export async function writeSafetensors(
  path: string,
  tensors: Iterable<SafetensorsTensor>,
  metadata: Record<string, string> = {},
  { checksums = false } = {},
): Promise<void> {
  const { order, described } = layOut(tensors);
  const all = checksums ? { ...metadata, [CHECKSUMS]: blankChecksums(checksumOf(order)) } : metadata;
  const header = headerBytes(described, all);
  if (checksums) sealHeader(header);
  await writeFileAtomically(path, async (append) => {
    await append(header);
    for (const tensor of order) {
      const data = typeof tensor.data === 'function' ? await tensor.data() : tensor.data;
      const expected = elementsOf(tensor.shape) * ELEMENT_BYTES[tensor.dtype];
      if (data?.byteLength !== expected) {
        throw new InternalError(
          `tensor ${quote(tensor.name)} needs ${expected} bytes but has ${data?.byteLength ?? 'none'}`,
        );
      }
      await append(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
    }
  });
}
