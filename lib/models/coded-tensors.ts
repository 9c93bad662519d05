/** Float32 tensors inside a .safetensors file, coded (native/sparse/codec.h) where that is smaller. */
import { availableParallelism } from 'node:os';
import { ModelFileError, messageOf, OutOfMemoryError, WeightsError } from '../errors.js';
import type { ValueCoding } from '../native/addon.js';
import { decodeSparse, encodeSparse } from '../native/sparse-codec.js';
import type { ByteFile } from './byte-file.js';
import { CHECKSUMS, claimedDataChecksum, crcOf } from './checksums.js';
import { beyondCodedLimit, mostCodedValues } from './coded-limit.js';
import { writeSafetensors, type SafetensorsTensor } from './safetensors.js';
import type { SafetensorsEntry, SafetensorsHeader } from './safetensors-header.js';
import { elementsOf } from './shapes.js';
import { quote } from './text.js';

/** Added to a tensor's name where it is stored coded, as U8. */
export const CODED = '.sparse';

/** Shapes of the coded tensors, by name. */
export type CodedShapes = Map<string, number[]>;

export interface TensorToCode {
  name: string;
  shape: readonly number[];
  data: Float32Array;
  /** How values are coded; null leaves the tensor as it is. */
  values: ValueCoding | null;
}

/** Entries of a row: all indices but the first. */
function rowLength(shape: readonly number[]): number {
  return shape.length < 2 ? 0 : elementsOf(shape.slice(1));
}

/**
 * Codes tensors and writes them with a description and checksums. Tensors whose code would be larger than they are, or so
 * small that no reader took the file, are stored as they are.
 *
 * @param describe gives what is written as `__metadata__.finepune`, from the shapes of the tensors that were coded.
 * @throws WeightsError for values that cannot be rounded as asked; FileError where the file cannot be written.
 */
export async function writeCodedTensors(
  path: string,
  tensors: Iterable<TensorToCode>,
  describe: (coded: Record<string, readonly number[]>) => unknown,
): Promise<void> {
  const all: { name: string; shape: readonly number[]; data: Float32Array; code: Uint8Array | undefined }[] = [];
  for (const { name, shape, data, values } of tensors) {
    const code = values === null || data.length === 0 ? undefined : await encode(name, shape, data, values);
    // Rounded values are in the code alone.
    const rounded = values !== 'exact' && values !== 'float32';
    all.push({ name, shape, data, code: rounded || (code?.length ?? 0) < data.byteLength ? code : undefined });
  }
  const sizes = all.map(({ data, code }) => ({ elements: data.length, codeBytes: code?.length }));
  for (const index of beyondCodedLimit(sizes)) {
    const { name, data, code } = all[index];
    // The code's values, which may be rounded.
    if (code !== undefined) all[index].data = await decode(path, name, code, data.length);
    all[index].code = undefined;
  }
  const coded: [string, readonly number[]][] = [];
  const stored = all.map(({ name, shape, data, code }): SafetensorsTensor => {
    if (code === undefined) return { name, dtype: 'F32', shape, data };
    coded.push([name, shape]);
    return { name: name + CODED, dtype: 'U8', shape: [code.length], data: code };
  });
  const description = JSON.stringify(describe(Object.fromEntries(coded)));
  await writeSafetensors(path, stored, { finepune: description }, { checksums: true });
}

async function encode(
  name: string,
  shape: readonly number[],
  dense: Float32Array,
  values: ValueCoding,
): Promise<Uint8Array> {
  try {
    return await encodeSparse({ dense, values, rowLength: rowLength(shape), threads: availableParallelism() });
  } catch (error) {
    if (!(error instanceof WeightsError)) throw error;
    throw new WeightsError(`tensor ${quote(name)}: ${messageOf(error)}`, { cause: error });
  }
}

type Fail = (message: string) => never;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isShape(value: unknown): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= 32 &&
    value.every((extent) => Number.isSafeInteger(extent) && (extent as number) >= 0) &&
    Number.isSafeInteger(elementsOf(value as number[]))
  );
}

/**
 * The description's table of coded tensors, checked against the tensors the file has and against its size: what is stored
 * as it is is bounded by the file, but a few bytes of code could ask for any amount of memory.
 */
export function checkCodedShapes(value: unknown, header: SafetensorsHeader, fileSize: number, fail: Fail): CodedShapes {
  if (!isObject(value)) return fail('its table of sparse tensors is not an object');
  const shapes: CodedShapes = new Map();
  let elements = 0;
  for (const [name, shape] of Object.entries(value)) {
    if (!isShape(shape))
      return fail(`its sparse tensor ${quote(name)} has a shape that is not a list of whole numbers`);
    const entry = header.tensors.get(name + CODED);
    if (entry?.dtype !== 'U8' || entry.shape.length !== 1) {
      return fail(`its tensor ${quote(name + CODED)} is missing or not a list of bytes`);
    }
    if (header.tensors.has(name)) return fail(`it holds the tensor ${quote(name)} twice`);
    shapes.set(name, shape);
    elements += elementsOf(shape);
  }
  if (elements > mostCodedValues(fileSize)) {
    return fail(`${fileSize} bytes cannot hold its sparse tensors of ${elements} values`);
  }
  return shapes;
}

export interface ReadTensor {
  shape: number[];
  data: Float32Array;
  /** It takes in the file. */
  bytes: number;
}

/** Name and shape of what an entry holds, decoded. */
function namedEntry(name: string, entry: SafetensorsEntry, coded: CodedShapes): { name: string; shape: number[] } {
  const plain = name.endsWith(CODED) ? name.slice(0, -CODED.length) : name;
  const shape = plain === name ? undefined : coded.get(plain);
  return shape === undefined ? { name, shape: entry.shape } : { name: plain, shape };
}

/**
 * Every tensor of a file that writeCodedTensors wrote, in the file's order. Stored bytes are read and their checksum
 * verified before any is decoded.
 *
 * @throws ModelFileError where bytes differ from the checksum, or are not what the encoder writes; OutOfMemoryError
 */
export async function readCodedTensors(
  file: ByteFile,
  header: SafetensorsHeader,
  coded: CodedShapes,
): Promise<Map<string, ReadTensor>> {
  const stored: { name: string; shape: number[]; bytes: Uint8Array; isCoded: boolean }[] = [];
  let sum = 0;
  for (const [entryName, entry] of header.tensors) {
    const { name, shape } = namedEntry(entryName, entry, coded);
    const bytes = allocate(file.path, name, () => new Uint8Array(entry.bytes));
    await file.readInto(bytes, entry.offset, (piece) => (sum = crcOf(piece, sum)));
    stored.push({ name, shape, bytes, isCoded: name !== entryName });
  }
  if (sum !== claimedDataChecksum(header.metadata[CHECKSUMS])) {
    throw new ModelFileError(`${file.path}: the checksum of its tensors is wrong; the file is damaged, write it again`);
  }
  const tensors = new Map<string, ReadTensor>();
  for (const { name, shape, bytes, isCoded } of stored) {
    const data = isCoded
      ? await decode(file.path, name, bytes, elementsOf(shape))
      : new Float32Array(bytes.buffer, 0, bytes.length / 4);
    tensors.set(name, { shape, data, bytes: bytes.length });
  }
  return tensors;
}

/** Memory for a tensor. A file may ask for more than there is, and than an array can hold. */
function allocate<Memory>(path: string, name: string, make: () => Memory): Memory {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new OutOfMemoryError(`${path}: tensor ${quote(name)} does not fit in memory; read it on a larger machine`, {
      cause: error,
    });
  }
}

async function decode(path: string, name: string, bytes: Uint8Array, length: number): Promise<Float32Array> {
  const dense = allocate(path, name, () => new Float32Array(length));
  try {
    await decodeSparse({ bytes, dense, threads: availableParallelism() });
    return dense;
  } catch (error) {
    if (!(error instanceof ModelFileError)) throw error;
    throw new ModelFileError(`${path}: tensor ${quote(name)}: ${messageOf(error)}`, { cause: error });
  }
}
