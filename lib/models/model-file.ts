/**
 * The package's own model file: a valid .safetensors file with coded tensors (coded-tensors.ts).
 *
 * `__metadata__.finepune` is a JSON object {version, spec, labels, preprocessing, provenance, sparse}; `sparse` gives the
 * shape of each coded tensor NAME, stored as NAME.sparse (U8). Every other tensor is float32 as it is. A file that `pack`
 * wrote has the spec, labels and preprocessing null: weights without a network.
 */
import { isDeepStrictEqual } from 'node:util';
import { classCount } from './spec.js';
import { InternalError, ModelFileError, SpecError, WeightsError } from '../errors.js';
import type { ValueCoding } from '../native/addon.js';
import { ByteFile } from './byte-file.js';
import { CHECKSUMS, claimedDataChecksum, isSealed } from './checksums.js';
import {
  checkCodedShapes,
  CODED,
  readCodedTensors,
  writeCodedTensors,
  type CodedShapes,
  type ReadTensor,
  type TensorToCode,
} from './coded-tensors.js';
import { parseSafetensorsHeader, type SafetensorsHeader } from './safetensors-header.js';
import { elementsOf, parameterShapes, type ParameterShape } from './shapes.js';
import type { ModelSpec } from './spec-types.js';
import { quote } from './text.js';
import { validateSpec } from './validate-spec.js';

/** The version this package writes, and the only one it reads. */
const VERSION = 3;

/** A parsed JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** What a model file says before any tensor is read. */
export interface ModelFileDescription {
  spec: ModelSpec;
  /** One a class, in order. */
  labels: string[];
  provenance: Json;
  sparse: CodedShapes;
}

export interface ModelFile extends Omit<ModelFileDescription, 'sparse'> {
  /** Every parameter, dense, by name. */
  tensors: Map<string, { shape: number[]; data: Float32Array }>;
  /** Bytes each takes in the file. */
  bytes: Map<string, number>;
}

export interface ModelFileContent {
  spec: ModelSpec;
  labels: readonly string[];
  tensors: Map<string, { shape: readonly number[]; data: Float32Array }>;
  /** Anything JSON holds: how the model came about. */
  provenance: unknown;
}

/** Weights that `pack` wrote, of no network. */
export interface PackedWeights {
  /** Dense, by name. */
  tensors: Map<string, ReadTensor>;
  /** What the packed file said about itself. */
  metadata: Record<string, string>;
}

/**
 * Whether a .safetensors header is that of a model file. Checksums alone say so too: a damaged key must not turn a model
 * into plain weights that lack whatever is coded.
 */
export function isModelFileHeader({ metadata }: SafetensorsHeader): boolean {
  return Object.hasOwn(metadata, 'finepune') || claimedDataChecksum(metadata[CHECKSUMS]) !== undefined;
}

/**
 * Writes a model: weights of Conv and Gemm nodes coded sparsely where that is smaller, everything else dense.
 *
 * @param content.tensors float32 values of every parameter of the spec, pruned weights as 0.
 * @param values how weights are coded; by default all bits but the sign of zeros, which is that of weights that are gone.
 * @throws InternalError where a parameter is missing or of another shape; WeightsError where a weight cannot be rounded as
 *   asked; FileError where the file cannot be written.
 */
export async function writeModelFile(
  path: string,
  content: ModelFileContent,
  values: ValueCoding = 'float32',
): Promise<void> {
  const { spec, labels } = content;
  const tensors = parameterShapes(spec).map(({ name, kind, shape }): TensorToCode => {
    const data = content.tensors.get(name)?.data;
    if (data?.length !== elementsOf(shape)) {
      throw new InternalError(`${name} needs ${elementsOf(shape)} values but has ${data?.length ?? 'none'}`);
    }
    return { name, shape, data, values: kind === 'weight' ? values : null };
  });
  await writeCodedTensors(path, tensors, (sparse) => ({
    version: VERSION,
    spec,
    labels,
    preprocessing: spec.input,
    provenance: content.provenance ?? null,
    sparse,
  }));
}

/**
 * Writes weights of no network: every tensor coded where that is smaller.
 *
 * @param values how the weights (tensors of 2 dimensions or more) are coded; all else is kept exactly.
 * @throws WeightsError where a weight cannot be rounded as asked; FileError where the file cannot be written.
 */
export async function writePackedWeights(
  path: string,
  weights: { tensors: Map<string, { shape: number[]; data: Float32Array }>; metadata: Partial<Record<string, string>> },
  values: ValueCoding,
): Promise<void> {
  const tensors = [...weights.tensors].map(([name, { shape, data }]): TensorToCode => {
    return { name, shape, data, values: shape.length >= 2 ? values : 'exact' };
  });
  await writeCodedTensors(path, tensors, (sparse) => ({
    version: VERSION,
    spec: null,
    labels: null,
    preprocessing: null,
    provenance: { values, metadata: weights.metadata },
    sparse,
  }));
}

type Fail = (message: string) => never;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkTensors(
  header: SafetensorsHeader,
  parameters: Map<string, ParameterShape>,
  sparse: CodedShapes,
  fail: Fail,
): void {
  const wanted = new Map<string, { dtype: string; shape?: number[] }>();
  for (const name of sparse.keys()) {
    if (!parameters.has(name)) fail(`its sparse tensor ${quote(name)} is no parameter of the network`);
  }
  for (const { name, shape } of parameters.values()) {
    const coded = sparse.get(name);
    if (coded !== undefined && JSON.stringify(coded) !== JSON.stringify(shape)) {
      fail(`its sparse tensor ${quote(name)} has another shape than the network's [${shape.join(', ')}]`);
    }
    if (coded !== undefined) {
      wanted.set(name + CODED, { dtype: 'U8' });
    } else {
      wanted.set(name, { dtype: 'F32', shape });
    }
  }
  for (const [name, { dtype, shape }] of wanted) {
    const entry = header.tensors.get(name) ?? fail(`its tensor ${quote(name)} is missing`);
    const fits = shape === undefined ? entry.shape.length === 1 : JSON.stringify(shape) === JSON.stringify(entry.shape);
    if (entry.dtype !== dtype || !fits) {
      fail(
        `its tensor ${quote(name)} is ${entry.dtype} [${entry.shape.join(', ')}] where ${dtype} [${shape?.join(', ') ?? 'n'}] is expected`,
      );
    }
  }
  for (const name of header.tensors.keys()) {
    if (!wanted.has(name)) fail(`its tensor ${quote(name)} is no part of the network`);
  }
}

/** The description of a file of this package, its header's checksum, version and table of coded tensors checked. */
async function readDescription(
  file: ByteFile,
  header: SafetensorsHeader,
  fail: Fail,
): Promise<{ metadata: Record<string, unknown>; sparse: CodedShapes }> {
  if (!isModelFileHeader(header)) {
    throw new ModelFileError(
      `${file.path}: plain weights, not a model file of this package; give them with --model NAME --weights FILE`,
    );
  }
  if (!Object.hasOwn(header.metadata, 'finepune')) fail('its description is missing');
  let metadata: unknown;
  try {
    metadata = JSON.parse(header.metadata['finepune']);
  } catch {
    fail('its description is not JSON');
  }
  if (!isObject(metadata)) return fail('its description is not a JSON object');
  if (metadata['version'] !== VERSION) {
    throw new ModelFileError(
      `${file.path}: a model file of version ${JSON.stringify(metadata['version'])}, this package reads version ${VERSION}; use the package's version that wrote it`,
    );
  }
  if (!(await isSealed(file))) fail('the checksum of its header is wrong');
  return { metadata, sparse: checkCodedShapes(metadata['sparse'], header, file.size, fail) };
}

function failureOf(path: string): Fail {
  return (message) => {
    throw new ModelFileError(`${path}: ${message}; the file is damaged, write it again`);
  };
}

/** The metadata and the tensor table of a model file, every field checked; null where it holds weights of no network. */
export async function describeModelFile(
  file: ByteFile,
  header: SafetensorsHeader,
): Promise<{ sparse: CodedShapes; model: ModelFileDescription | null; metadata: Record<string, string> }> {
  const { path } = file;
  const fail: Fail = failureOf(path);
  const { metadata, sparse } = await readDescription(file, header, fail);
  if (metadata['spec'] === null) {
    for (const [name, { dtype }] of header.tensors) {
      const isCoded = name.endsWith(CODED) && sparse.has(name.slice(0, -CODED.length));
      if (dtype !== 'F32' && !isCoded) fail(`its tensor ${quote(name)} is ${dtype} where F32 is expected`);
    }
    return { sparse, model: null, metadata: sourceMetadata(metadata['provenance']) };
  }
  let spec: ModelSpec;
  try {
    spec = validateSpec(metadata['spec'], path);
  } catch (error) {
    if (error instanceof SpecError)
      throw new ModelFileError(`${error.message} (the spec inside the model file)`, { cause: error });
    throw error;
  }
  if (!isDeepStrictEqual(metadata['preprocessing'], spec.input)) fail('its preprocessing differs from its spec');
  const labels = metadata['labels'];
  if (!Array.isArray(labels) || !labels.every((label): label is string => typeof label === 'string')) {
    return fail('its labels are not a list of strings');
  }
  if (labels.length !== classCount(spec)) fail(`it has ${labels.length} labels for ${classCount(spec)} classes`);
  const parameters = new Map(parameterShapes(spec).map((parameter) => [parameter.name, parameter]));
  checkTensors(header, parameters, sparse, fail);
  const model = { spec, labels, provenance: (metadata['provenance'] ?? null) as Json, sparse };
  return { sparse, model, metadata: {} };
}

function sourceMetadata(provenance: unknown): Record<string, string> {
  const metadata = isObject(provenance) ? provenance['metadata'] : undefined;
  if (!isObject(metadata)) return {};
  return Object.fromEntries(
    Object.entries(metadata).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}

/** An open file's contents, whichever kind of file of this package it is. */
async function readContents(file: ByteFile): Promise<ModelFile | PackedWeights> {
  const header = await parseSafetensorsHeader(file);
  const { model, sparse, metadata } = await describeModelFile(file, header);
  const tensors = await readCodedTensors(file, header, sparse);
  if (model === null) return { tensors, metadata };
  const { spec, labels, provenance } = model;
  const read: ModelFile = { spec, labels, provenance, tensors: new Map(), bytes: new Map() };
  for (const { name, shape } of parameterShapes(spec)) {
    const { data, bytes } = tensors.get(name)!;
    read.tensors.set(name, { shape, data });
    read.bytes.set(name, bytes);
  }
  return read;
}

async function readFile(path: string): Promise<ModelFile | PackedWeights> {
  const file = await ByteFile.open(path);
  try {
    return await readContents(file);
  } catch (error) {
    if (error instanceof WeightsError) throw new ModelFileError(error.message, { cause: error });
    throw error;
  } finally {
    await file.close();
  }
}

/**
 * Reads a model file.
 *
 * @throws ModelFileError where it is damaged, of another version, or no model file; FileError where it cannot be read.
 */
export async function readModelFile(path: string): Promise<ModelFile> {
  const read = await readFile(path);
  if ('spec' in read) return read;
  throw new ModelFileError(
    `${path}: weights that were packed, not a model file; give them with --model NAME --weights FILE`,
  );
}

/** Whether a .safetensors file of this package holds a network and not only weights. */
export async function isModelFile(path: string): Promise<boolean> {
  const file = await ByteFile.open(path);
  try {
    const header = await parseSafetensorsHeader(file);
    return isModelFileHeader(header) && (await describeModelFile(file, header)).model !== null;
  } finally {
    await file.close();
  }
}

/**
 * Tensors of a model file or of weights that `pack` wrote, by name.
 *
 * @throws as readModelFile.
 */
export async function readPackedWeights(path: string): Promise<PackedWeights> {
  const read = await readFile(path);
  if (!('spec' in read)) return read;
  const tensors = [...read.tensors].map(([name, { shape, data }]): [string, ReadTensor] => [
    name,
    { shape, data, bytes: read.bytes.get(name) ?? data.byteLength },
  ]);
  return { tensors: new Map(tensors), metadata: { name: read.spec.name } };
}
