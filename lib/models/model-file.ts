/**
 * The package's own model file: a valid .safetensors file with sparse tensors as positions and values.
 *
 * `__metadata__.finepune` is a JSON object {version, spec, labels, preprocessing, provenance, sparse}; `sparse` gives for
 * each sparse tensor NAME {shape, encoding}, stored as NAME.positions (U8) and NAME.values (F32). Every other tensor is
 * float32 as it is. Encodings: 'bitmask', one bit an element, row-major, lowest bit first; 'gaps', the zeros before each
 * non-zero as LEB128 varints.
 */
import { isDeepStrictEqual } from 'node:util';
import { classCount } from './spec.js';
import { InternalError, messageOf, ModelFileError, SpecError, WeightsError } from '../errors.js';
import { loadAddon } from '../native/load.js';
import { ByteFile } from './byte-file.js';
import { readEntry, writeSafetensors, type SafetensorsTensor } from './safetensors.js';
import { parseSafetensorsHeader, type SafetensorsEntry, type SafetensorsHeader } from './safetensors-header.js';
import { elementsOf, parameterShapes, type ParameterShape } from './shapes.js';
import type { ModelSpec } from './spec-types.js';
import { quote } from './text.js';
import { validateSpec } from './validate-spec.js';

/** The version this package writes, and the only one it reads. */
const VERSION = 1;

/** A parsed JSON value. */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

type Encoding = 'bitmask' | 'gaps';

/** Shape and encoding of the sparse tensors, by name. */
export type SparseTable = Map<string, { shape: number[]; encoding: Encoding }>;

/** What a model file says before any tensor is read. */
export interface ModelFileDescription {
  spec: ModelSpec;
  /** One a class, in order. */
  labels: string[];
  provenance: Json;
  sparse: SparseTable;
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

/** Dense floats a sparse file may stand for: this many, and this many more for each byte it has. */
const DENSE_FLOOR = 16 * 1024 * 1024;
const DENSE_PER_BYTE = 1024;

/** Whether a .safetensors header is that of a model file. */
export function isModelFileHeader(header: SafetensorsHeader): boolean {
  return Object.hasOwn(header.metadata, 'finepune');
}

/**
 * Writes a model: weights of Conv and Gemm nodes coded sparsely where that is smaller, everything else dense.
 *
 * @param content.tensors float32 values of every parameter of the spec, pruned weights as 0.
 * @throws InternalError where a parameter is missing or of another shape; FileError where the file cannot be written.
 */
export async function writeModelFile(path: string, content: ModelFileContent): Promise<void> {
  const { spec, labels } = content;
  const addon = loadAddon();
  const tensors: SafetensorsTensor[] = [];
  const sparse: [string, { shape: number[]; encoding: Encoding }][] = [];
  for (const { name, kind, shape } of parameterShapes(spec)) {
    const data = content.tensors.get(name)?.data;
    if (data?.length !== elementsOf(shape)) {
      throw new InternalError(`${name} needs ${elementsOf(shape)} values but has ${data?.length ?? 'none'}`);
    }
    const coded = kind === 'weight' ? addon.encodeSparse(data) : undefined;
    if (coded !== undefined && coded.positions.byteLength + coded.values.byteLength < data.byteLength) {
      sparse.push([name, { shape, encoding: coded.encoding }]);
      tensors.push(
        { name: `${name}.positions`, dtype: 'U8', shape: [coded.positions.length], data: coded.positions },
        { name: `${name}.values`, dtype: 'F32', shape: [coded.values.length], data: coded.values },
      );
    } else {
      tensors.push({ name, dtype: 'F32', shape, data });
    }
  }
  const metadata = {
    version: VERSION,
    spec,
    labels,
    preprocessing: spec.input,
    provenance: content.provenance ?? null,
    sparse: Object.fromEntries(sparse),
  };
  await writeSafetensors(path, tensors, { finepune: JSON.stringify(metadata) });
}

type Fail = (message: string) => never;

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function checkSparse(value: unknown, parameters: Map<string, ParameterShape>, fail: Fail): SparseTable {
  if (!isObject(value)) return fail('its table of sparse tensors is not an object');
  const table: SparseTable = new Map();
  for (const [name, entry] of Object.entries(value)) {
    const parameter = parameters.get(name);
    if (parameter === undefined) return fail(`its sparse tensor ${quote(name)} is no parameter of the network`);
    if (!isObject(entry) || (entry['encoding'] !== 'bitmask' && entry['encoding'] !== 'gaps')) {
      return fail(`its sparse tensor ${quote(name)} has an unknown encoding`);
    }
    if (JSON.stringify(entry['shape']) !== JSON.stringify(parameter.shape)) {
      return fail(
        `its sparse tensor ${quote(name)} has another shape than the network's [${parameter.shape.join(', ')}]`,
      );
    }
    table.set(name, { shape: parameter.shape, encoding: entry['encoding'] });
  }
  return table;
}

function checkTensors(
  header: SafetensorsHeader,
  parameters: Map<string, ParameterShape>,
  sparse: SparseTable,
  fail: Fail,
): void {
  const wanted = new Map<string, { dtype: string; shape?: number[] }>();
  for (const { name, shape } of parameters.values()) {
    if (sparse.has(name)) {
      wanted.set(`${name}.positions`, { dtype: 'U8' });
      wanted.set(`${name}.values`, { dtype: 'F32' });
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

/** The metadata and the tensor table of a model file, every field checked. */
export function describeModelFile(path: string, header: SafetensorsHeader, fileSize: number): ModelFileDescription {
  const fail = (message: string): never => {
    throw new ModelFileError(`${path}: ${message}; the file is damaged, write it again`);
  };
  if (!isModelFileHeader(header)) {
    throw new ModelFileError(
      `${path}: plain weights, not a model file of this package; give them with --model NAME --weights FILE`,
    );
  }
  let metadata: unknown;
  try {
    metadata = JSON.parse(header.metadata['finepune']);
  } catch {
    fail('its description is not JSON');
  }
  if (!isObject(metadata)) return fail('its description is not a JSON object');
  if (metadata['version'] !== VERSION) {
    throw new ModelFileError(
      `${path}: a model file of version ${Number(metadata['version'])}, this package reads version ${VERSION}; use the package's version that wrote it`,
    );
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
  const elements = [...parameters.values()].reduce((sum, { shape }) => sum + elementsOf(shape), 0);
  // What is dense is bounded by the file; a few bytes of sparse code could ask for any amount of memory.
  if (elements > DENSE_FLOOR + DENSE_PER_BYTE * fileSize)
    fail(`${fileSize} bytes cannot hold its network of ${elements} parameters`);
  const sparse = checkSparse(metadata['sparse'], parameters, fail);
  checkTensors(header, parameters, sparse, fail);
  return { spec, labels, provenance: (metadata['provenance'] ?? null) as Json, sparse };
}

async function readTensor(
  file: ByteFile,
  entries: Map<string, SafetensorsEntry>,
  { name, shape }: ParameterShape,
  sparse: SparseTable,
): Promise<{ data: Float32Array; bytes: number }> {
  const coded = sparse.get(name);
  if (coded === undefined) {
    const entry = entries.get(name)!;
    return { data: (await readEntry(file, entry)) as Float32Array, bytes: entry.bytes };
  }
  const [positions, values] = [entries.get(`${name}.positions`)!, entries.get(`${name}.values`)!];
  const data = loadAddon().decodeSparse(
    coded.encoding,
    (await readEntry(file, positions)) as Uint8Array,
    (await readEntry(file, values)) as Float32Array,
    elementsOf(shape),
  );
  return { data, bytes: positions.bytes + values.bytes };
}

/**
 * Reads a model file.
 *
 * @throws ModelFileError where it is damaged, of another version, or no model file; FileError where it cannot be read.
 */
export async function readModelFile(path: string): Promise<ModelFile> {
  const file = await ByteFile.open(path);
  try {
    const header = await parseSafetensorsHeader(file);
    const { sparse, ...description } = describeModelFile(path, header, file.size);
    const model: ModelFile = { ...description, tensors: new Map(), bytes: new Map() };
    for (const parameter of parameterShapes(model.spec)) {
      const { data, bytes } = await readTensor(file, header.tensors, parameter, sparse).catch((error: unknown) => {
        if ((error as { code?: unknown } | null)?.code !== 'E_MODEL_FILE') throw error;
        throw new ModelFileError(
          `${path}: tensor ${quote(parameter.name)}: ${messageOf(error)}; write the file again`,
          { cause: error },
        );
      });
      model.tensors.set(parameter.name, { shape: parameter.shape, data });
      model.bytes.set(parameter.name, bytes);
    }
    return model;
  } catch (error) {
    if (error instanceof WeightsError) throw new ModelFileError(error.message, { cause: error });
    throw error;
  } finally {
    await file.close();
  }
}
