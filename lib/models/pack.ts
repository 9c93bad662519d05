/** Any weight file into this package's format and back. */
import { stat } from 'node:fs/promises';
import { checkArgument, checkFields, oneOf, path as pathRule, trueOrFalse, type Rules } from '../arguments.js';
import { WeightsError } from '../errors.js';
import type { ValueCoding } from '../native/addon.js';
import { refuseSources } from '../same-file.js';
import { isModelFile, readModelFile, writeModelFile, writePackedWeights } from './model-file.js';
import { readWeights } from './read-weights.js';
import { writePlainSafetensors } from './safetensors.js';
import type { WeightFile, WeightFormat } from './weight-types.js';

/** Values of weights: as they are, as float16, or from a codebook of 2 to 8 bits for each layer. */
export const PACKED_VALUES = ['float32', 'fp16', 'cb2', 'cb3', 'cb4', 'cb5', 'cb6', 'cb7', 'cb8'] as const;
export type PackedValues = (typeof PACKED_VALUES)[number];

export interface PackOptions {
  /** 'float32', bit for bit, if not given. Biases and normalisation are never rounded. */
  values?: PackedValues | undefined;
  /** Write negative zeros as 0: they cost a bit and more for each pruned weight, and change no sum. */
  dropZeroSigns?: boolean | undefined;
}

const RULES: Rules<PackOptions> = { values: oneOf(PACKED_VALUES), dropZeroSigns: trueOrFalse };

export interface PackResult {
  /** Of the file that was read. */
  format: WeightFormat;
  tensors: number;
  /** Of the file that was read, and of the one written. */
  bytesBefore: number;
  bytes: number;
  /** Zeros with a sign in the file that was read. */
  negativeZeros: number;
}

function countNegativeZeros(values: Float32Array): number {
  let count = 0;
  for (const pattern of new Uint32Array(values.buffer, values.byteOffset, values.length)) {
    if (pattern === 0x8000_0000) count++;
  }
  return count;
}

async function resultOf(
  path: string,
  out: string,
  format: WeightFormat,
  tensors: WeightFile['tensors'],
): Promise<PackResult> {
  return {
    format,
    tensors: tensors.size,
    bytesBefore: (await stat(path)).size,
    bytes: (await stat(out)).size,
    negativeZeros: [...tensors.values()].reduce((sum, { data }) => sum + countNegativeZeros(data), 0),
  };
}

function codingOf({ values = 'float32', dropZeroSigns = false }: PackOptions): ValueCoding {
  return values === 'float32' && !dropZeroSigns ? 'exact' : values;
}

/**
 * Writes the tensors of a .safetensors, .pth, .pt, .caffemodel or model file in this package's format: zeros cost next to
 * nothing. A model file stays one; of other files float16 and float64 become float32 and integer tensors are left out, as
 * everywhere in this package.
 *
 * @throws as reading a weight file does; WeightsError where a weight cannot be rounded as asked; FileError; UsageError, also where `out` is the file read
 * @example
 * const { bytes } = await pack('pruned.pth', 'small.safetensors');
 */
export async function pack(path: string, out: string, options: PackOptions = {}): Promise<PackResult> {
  checkArgument('path', path, pathRule);
  checkArgument('out', out, pathRule);
  checkFields('pack', options, RULES);
  const coding = codingOf(options);
  const { format, tensors, metadata } = await readWeights(path);
  await refuseSources(out, [path], 'what is packed');
  if (format === 'finepune' && (await isModelFile(path))) await writeModelFile(out, await readModelFile(path), coding);
  else await writePackedWeights(out, { tensors, metadata }, coding);
  return resultOf(path, out, format, tensors);
}

/**
 * Writes the tensors of a file of this package, packed weights or a model, as plain float32 .safetensors.
 *
 * @throws WeightsError where the file is of another kind; ModelFileError where it is damaged; FileError; UsageError, also
 *   where `out` is the file read
 */
export async function unpack(path: string, out: string): Promise<PackResult> {
  checkArgument('path', path, pathRule);
  checkArgument('out', out, pathRule);
  const { format, tensors, metadata } = await readWeights(path);
  if (format !== 'finepune') {
    throw new WeightsError(`${path}: a ${format} file, not one that pack or tune wrote; there is nothing to unpack`);
  }
  await refuseSources(out, [path], 'what is unpacked');
  await writePlainSafetensors(out, tensors, metadata);
  return resultOf(path, out, format, tensors);
}
