/**
 * The header of a .safetensors file, checked as the format's description asks
 * (https://huggingface.co/docs/safetensors): 8 bytes length, JSON, then the tensors without gaps or overlaps.
 */
import { WeightsError } from '../errors.js';
import { ByteFile } from './byte-file.js';
import { readBuffer } from './read-buffer.js';
import { elementsOf } from './shapes.js';
import { quote } from './text.js';

/** Bytes of one element, for every type the format knows. */
export const ELEMENT_BYTES = {
  BOOL: 1,
  U8: 1,
  I8: 1,
  F8_E5M2: 1,
  F8_E4M3: 1,
  I16: 2,
  U16: 2,
  F16: 2,
  BF16: 2,
  I32: 4,
  U32: 4,
  F32: 4,
  F64: 8,
  I64: 8,
  U64: 8,
  C64: 8,
} as const;

export type ElementType = keyof typeof ELEMENT_BYTES;

export interface SafetensorsEntry {
  dtype: ElementType;
  shape: number[];
  /** First byte in the file, and how many. */
  offset: number;
  bytes: number;
}

export interface SafetensorsHeader {
  /** In the order of the data. */
  tensors: Map<string, SafetensorsEntry>;
  metadata: Record<string, string>;
}

/** The format's own limit. */
const LARGEST_HEADER = 100_000_000;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Keys of a JSON object as written: JSON.parse keeps only the last of two equal ones. */
function countKeys(text: string): number {
  let depth = 0;
  let keys = 0;
  // At depth 1 the values are objects, so that every string there is a key.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1) keys++;
  }
  return keys;
}

function parseEntry(name: string, value: unknown, start: number, fail: (message: string) => never): SafetensorsEntry {
  if (!isObject(value)) fail(`tensor ${quote(name)} is not described by an object`);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !Object.hasOwn(ELEMENT_BYTES, dtype)) {
    fail(
      `tensor ${quote(name)} has the unknown element type ${typeof dtype === 'string' ? quote(dtype) : `of JSON type ${typeof dtype}`}`,
    );
  }
  const isCount = (entry: unknown): entry is number => Number.isSafeInteger(entry) && (entry as number) >= 0;
  if (!Array.isArray(shape) || shape.length > 32 || !shape.every(isCount)) {
    fail(`tensor ${quote(name)} has a shape that is not a list of whole numbers`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount) || offsets[0] > offsets[1]) {
    fail(`tensor ${quote(name)} has data_offsets that are not [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  const expected = elementsOf(shape) * ELEMENT_BYTES[dtype as ElementType];
  if (expected !== end - begin) {
    fail(
      `tensor ${quote(name)} of shape [${shape.join(', ')}] and type ${dtype} needs ${expected} bytes but has ${end - begin}`,
    );
  }
  return { dtype: dtype as ElementType, shape, offset: start + begin, bytes: end - begin };
}

/** The header of an open file. @throws WeightsError saying what is wrong with it. */
export async function parseSafetensorsHeader(file: ByteFile): Promise<SafetensorsHeader> {
  const fail = (message: string): never => {
    throw new WeightsError(`${file.path}: ${message}; the file is damaged or no .safetensors, get it again`);
  };
  if (file.size < 8) fail(`only ${file.size} bytes long`);
  const length = (await readBuffer(file, 0, 8)).readBigUInt64LE();
  if (length > BigInt(file.size - 8)) fail(`its header would be ${length} bytes but the file has ${file.size}`);
  if (length > BigInt(LARGEST_HEADER)) fail(`its header of ${length} bytes is longer than the format allows`);
  const start = 8 + Number(length);
  let text = '';
  let json: unknown;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readBuffer(file, 8, Number(length)));
    json = JSON.parse(text);
  } catch {
    fail('its header is not JSON');
  }
  if (!isObject(json)) return fail('its header is not a JSON object');
  const metadata: Record<string, string> = {};
  const entries: [string, SafetensorsEntry][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name !== '__metadata__') {
      entries.push([name, parseEntry(name, value, start, fail)]);
    } else if (!isObject(value) || !Object.values(value).every((entry) => typeof entry === 'string')) {
      fail('its __metadata__ is not an object of strings');
    } else {
      // defineProperty semantics, so that a key "__proto__" stays a key.
      for (const [key, entry] of Object.entries(value)) {
        Object.defineProperty(metadata, key, { value: entry, enumerable: true, configurable: true, writable: true });
      }
    }
  }
  if (countKeys(text) !== Object.keys(json).length) fail('its header names a tensor twice');
  entries.sort(([, a], [, b]) => a.offset - b.offset || a.bytes - b.bytes);
  let position = start;
  for (const [name, entry] of entries) {
    if (entry.offset !== position)
      fail(`tensor ${quote(name)} ${entry.offset < position ? 'overlaps another' : 'follows a gap'}`);
    position += entry.bytes;
  }
  if (position !== file.size) fail(`its tensors end at byte ${position} but the file has ${file.size}`);
  return { tensors: new Map(entries), metadata };
}

/**
 * What a .safetensors file holds, without reading any tensor.
 *
 * @throws FileError where the file cannot be read; WeightsError where its header is wrong.
 */
export async function readSafetensorsHeader(path: string): Promise<SafetensorsHeader> {
  const file = await ByteFile.open(path);
  try {
    return await parseSafetensorsHeader(file);
  } finally {
    await file.close();
  }
}
