/** What a weight file or model holds, counted. */
import { ByteFile } from './byte-file.js';
import { WeightsError } from '../errors.js';
import { readCodedTensors } from './coded-tensors.js';
import { entropyBound } from './entropy-bound.js';
import { describeModelFile, isModelFileHeader } from './model-file.js';
import { readBuffer } from './read-buffer.js';
import { readWeights } from './read-weights.js';
import { parseSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.js';
import { elementsOf, parameterShapes } from './shapes.js';
import type { ModelSpec } from './spec-types.js';
import type { WeightFormat } from './weight-types.js';

export interface InspectedLayer {
  name: string;
  /** Of the weights, as networks know it: [out, in / group, height, width] or [out, in]. */
  shape: number[];
  count: number;
  kept: number;
  /** kept / count. */
  density: number;
  /** The layer's weights take in the file. */
  bytes: number;
  /** 8 bytes / weights other than 0; null where there are none. */
  bitsPerNonZero: number | null;
  /** What float32 needs for each, by entropy-bound.ts; null where there are none. */
  boundBitsPerNonZero: number | null;
}

/** The JSON of `inspect`. */
export interface Inspection {
  format: WeightFormat;
  /** Name of the network where the file or the caller says it. */
  architecture: string | null;
  layers: InspectedLayer[];
  total: {
    /** Everything trained: weights, biases, scales, shifts. */
    parameters: number;
    kept: number;
    /** parameters / kept; null where nothing is kept. */
    compression: number | null;
    /** Everything, running statistics too, as float32. */
    bytesDense: number;
    bytesFile: number;
    /** Of the file, what is no tensor: headers, names, the network. */
    bytesHeader: number;
    /** What the layers would take if each stood at its bound; everything else is not counted. */
    bytesBound: number;
  };
}

interface Counted {
  name: string;
  shape: number[];
  count: number;
  kept: number;
  bytes: number;
  nonZeros: number;
  boundBitsPerNonZero: number | null;
}

function countTensor(name: string, shape: number[], data: Float32Array, bytes: number): Counted {
  const { nonZeros, bitsPerNonZero } = entropyBound(data);
  return { name, shape, count: data.length, kept: nonZeros, bytes, nonZeros, boundBitsPerNonZero: bitsPerNonZero };
}

function countOnes(mask: Uint8Array): number {
  return mask.reduce((sum, value) => sum + value, 0);
}

/** Counts of a plain weight file: zeros are pruned, unless a mask says what is. */
async function countWeights(
  path: string,
  spec: ModelSpec | undefined,
): Promise<{ format: WeightFormat; name: string | null; counted: Counted[] }> {
  const file = await readWeights(path);
  const shapes = new Map(spec === undefined ? [] : parameterShapes(spec).map(({ name, shape }) => [name, shape]));
  const counted = [...file.tensors].map(([name, { shape, data, mask, bytes }]) => {
    const known = shapes.get(name);
    const fits = known !== undefined && elementsOf(known) === data.length;
    const tensor = countTensor(name, fits ? known : shape, data, bytes);
    return mask === undefined ? tensor : { ...tensor, kept: countOnes(mask) };
  });
  if (spec !== undefined && !counted.some(({ name }) => shapes.has(name))) {
    throw new WeightsError(
      `${path}: weights of another network, no tensor is named as in ${spec.name}; leave the model out, or name the right one`,
    );
  }
  return { format: file.format, name: spec?.name ?? file.metadata['name'] ?? null, counted };
}

/** Counts of a model file: of weights what is not 0 is kept, biases and normalisation always are. */
async function countModel(
  file: ByteFile,
  header: SafetensorsHeader,
): Promise<{ name: string | null; counted: Counted[] }> {
  const { model, sparse, metadata } = await describeModelFile(file, header);
  const tensors = await readCodedTensors(file, header, sparse);
  const kinds = new Map(model === null ? [] : parameterShapes(model.spec).map(({ name, kind }) => [name, kind]));
  const names = model === null ? [...tensors.keys()] : [...kinds.keys()];
  const counted = names.map((name): Counted => {
    const { shape, data, bytes } = tensors.get(name)!;
    const tensor = countTensor(name, shape, data, bytes);
    return model === null || kinds.get(name) === 'weight' ? tensor : { ...tensor, kept: tensor.count };
  });
  return { name: model?.spec.name ?? (metadata as Partial<Record<string, string>>)['name'] ?? null, counted };
}

function isRunningStatistic(name: string): boolean {
  return name.endsWith('.running_mean') || name.endsWith('.running_var');
}

/**
 * Layers and totals of any weight file or model file, without running the network. Only files of this package need the
 * addon, to decode them.
 *
 * A layer is a tensor named *.weight of 2 or more dimensions; biases and normalisation count in the totals only.
 *
 * @param spec the network the weights are of, where known: gives shapes and the architecture's name.
 * @throws FileError, WeightsError, ModelFileError for files that cannot be read.
 */
export async function inspectFile(path: string, spec?: ModelSpec): Promise<Inspection> {
  const file = await ByteFile.open(path);
  let bytesFile: number;
  let model: Awaited<ReturnType<typeof countModel>> | undefined;
  try {
    bytesFile = file.size;
    const start = file.size >= 9 ? await readBuffer(file, 0, 9) : undefined;
    const isSafetensors = start?.[8] === 0x7b && start.readUInt32BE() !== 0x504b0304;
    const header = isSafetensors ? await parseSafetensorsHeader(file) : undefined;
    if (header !== undefined && isModelFileHeader(header)) model = await countModel(file, header);
  } finally {
    await file.close();
  }
  const { format, name, counted } =
    model === undefined ? await countWeights(path, spec) : { format: 'finepune' as const, ...model };
  const trained = counted.filter((tensor) => !isRunningStatistic(tensor.name));
  const sum = (tensors: Counted[], key: 'count' | 'kept'): number =>
    tensors.reduce((total, tensor) => total + tensor[key], 0);
  const layers = counted.filter((tensor) => tensor.name.endsWith('.weight') && tensor.shape.length >= 2);
  const [parameters, kept] = [sum(trained, 'count'), sum(trained, 'kept')];
  return {
    format,
    architecture: name,
    layers: layers.map((tensor) => ({
      name: tensor.name.slice(0, -'.weight'.length),
      shape: tensor.shape,
      count: tensor.count,
      kept: tensor.kept,
      density: tensor.count === 0 ? 0 : tensor.kept / tensor.count,
      bytes: tensor.bytes,
      bitsPerNonZero: tensor.nonZeros === 0 ? null : (8 * tensor.bytes) / tensor.nonZeros,
      boundBitsPerNonZero: tensor.boundBitsPerNonZero,
    })),
    total: {
      parameters,
      kept,
      compression: kept === 0 ? null : parameters / kept,
      bytesDense: 4 * sum(counted, 'count'),
      bytesFile,
      bytesHeader: bytesFile - counted.reduce((total, tensor) => total + tensor.bytes, 0),
      bytesBound: Math.ceil(
        layers.reduce((total, tensor) => total + (tensor.nonZeros * (tensor.boundBitsPerNonZero ?? 0)) / 8, 0),
      ),
    },
  };
}
