/**
 * Caffe's .caffemodel: the protobuf message NetParameter, with V1LayerParameter (`layers`, field 2) or LayerParameter
 * (`layer`, field 100). Field numbers from caffe.proto. Of a layer only name, type and blobs matter here.
 */
import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { FinepuneError, messageOf, WeightsError } from '../errors.js';
import type { ByteFile } from './byte-file.js';
import { elementsOf } from './shapes.js';
import { quote } from './text.js';
import type { WeightTensor } from './weight-types.js';

interface Blob {
  shape: number[];
  data: Float32Array;
  bytes: number;
}

interface Layer {
  name: string;
  type: string;
  blobs: Blob[];
}

type Fail = (message: string) => never;

/** protobuf's own limit of a message. */
const LARGEST_FILE = 2 ** 31 - 1;

const decode = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/**
 * Packed floats as a view of the file's own bytes. They start anywhere, a Float32Array at multiples of 4: the values are
 * moved down by up to 3 bytes, over the tag and length before them that have been read already, so that a model of half
 * a gigabyte is never held twice.
 */
function floatsInPlace(bytes: Uint8Array): Float32Array {
  const aligned = bytes.byteOffset - (bytes.byteOffset % 4);
  const whole = new Uint8Array(bytes.buffer);
  whole.copyWithin(aligned, bytes.byteOffset, bytes.byteOffset + bytes.length);
  return new Float32Array(bytes.buffer, aligned, bytes.length / 4);
}

function join(chunks: Float32Array[]): Float32Array {
  if (chunks.length === 1) return chunks[0];
  const values = new Float32Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    values.set(chunk, at);
    at += chunk.length;
  }
  return values;
}

/** A repeated int64, packed or not, of counts. */
function counts(reader: BinaryReader, wire: WireType, into: number[]): void {
  const inner = wire === WireType.LengthDelimited ? new BinaryReader(reader.bytes()) : undefined;
  if (inner === undefined) into.push(Number(reader.int64()));
  else while (inner.pos < inner.len && into.length < 64) into.push(Number(inner.int64()));
}

function readShape(bytes: Uint8Array): number[] {
  const reader = new BinaryReader(bytes);
  const shape: number[] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === 1) counts(reader, wire, shape);
    else reader.skip(wire, field);
  }
  return shape;
}

function readBlob(bytes: Uint8Array, fail: Fail): Blob {
  const reader = new BinaryReader(bytes);
  const legacy: (number | undefined)[] = [];
  let shape: number[] | undefined;
  const chunks: Float32Array[] = [];
  const single: number[] = [];
  let stored = 0;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field >= 1 && field <= 4 && wire === WireType.Varint) {
      legacy[field - 1] = reader.int32();
    } else if ((field === 5 || field === 8) && wire === WireType.LengthDelimited) {
      const packed = reader.bytes();
      const width = field === 5 ? 4 : 8;
      if (packed.length % width !== 0) fail('a blob is cut');
      stored += packed.length;
      chunks.push(
        field === 5 ? floatsInPlace(packed) : Float32Array.from(new Float64Array(Uint8Array.from(packed).buffer)),
      );
    } else if (field === 5 && wire === WireType.Bit32) {
      stored += 4;
      single.push(reader.float());
    } else if (field === 8 && wire === WireType.Bit64) {
      stored += 8;
      single.push(reader.double());
    } else if (field === 7 && wire === WireType.LengthDelimited) {
      shape = readShape(reader.bytes());
    } else {
      reader.skip(wire, field);
    }
  }
  if (single.length > 0) chunks.push(Float32Array.from(single));
  const data = join(chunks.length === 0 ? [new Float32Array(0)] : chunks);
  const dimensions = shape ?? (legacy.length > 0 ? [0, 1, 2, 3].map((i) => legacy[i] ?? 1) : [data.length]);
  if (
    !dimensions.every((extent) => Number.isSafeInteger(extent) && extent >= 0) ||
    elementsOf(dimensions) !== data.length
  ) {
    fail(`a blob of shape [${dimensions.join(', ')}] holds ${data.length} numbers`);
  }
  return { shape: dimensions, data, bytes: stored };
}

/** Field numbers of a layer message. */
const FIELDS = { current: { name: 1, type: 2, blobs: 7 }, v1: { name: 4, type: 5, blobs: 6 } };

/** V1's types by number, as the current format names them. */
const V1_TYPES: Record<number, string | undefined> = { 4: 'Convolution', 14: 'InnerProduct', 39: 'Deconvolution' };

function readLayer(bytes: Uint8Array, version: 'current' | 'v1', fail: Fail): Layer {
  const reader = new BinaryReader(bytes);
  const fields = FIELDS[version];
  const layer: Layer = { name: '', type: '', blobs: [] };
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === fields.name && wire === WireType.LengthDelimited) layer.name = decode(reader.bytes());
    else if (field === fields.type && wire === WireType.LengthDelimited) layer.type = decode(reader.bytes());
    else if (field === fields.type && wire === WireType.Varint) layer.type = V1_TYPES[reader.int32()] ?? '';
    else if (field === fields.blobs && wire === WireType.LengthDelimited)
      layer.blobs.push(readBlob(reader.bytes(), fail));
    else if (version === 'v1' && field === 1 && wire === WireType.LengthDelimited) {
      fail('it is of the format before V1; upgrade it with upgrade_net_proto_binary of Caffe');
    } else reader.skip(wire, field);
  }
  return layer;
}

/** Legacy blobs always have four extents, 1 x 1 x out x in for inner products; what networks know has two. */
function namedShape(layer: Layer, blob: Blob, index: number): number[] {
  if (index === 1) return [blob.data.length];
  const isLegacy = blob.shape.length === 4 && blob.shape[0] === 1 && blob.shape[1] === 1;
  return layer.type.endsWith('InnerProduct') && isLegacy ? blob.shape.slice(2) : blob.shape;
}

function applyMask(layer: Layer, tensor: Blob, mask: Blob, fail: Fail): Uint8Array {
  const kept = new Uint8Array(tensor.data.length);
  if (mask.data.length !== kept.length) fail(`layer ${quote(layer.name)} has a mask of another size than its weights`);
  for (let i = 0; i < kept.length; i++) {
    const value = mask.data[i];
    if (value !== 0 && value !== 1) fail(`layer ${quote(layer.name)} has a mask with a value other than 0 and 1`);
    kept[i] = value;
    if (value === 0) tensor.data[i] = 0;
  }
  return kept;
}

/** What a mask hid when the file was written is a product with 0, its sign that of a weight that is gone. */
function dropZeroSigns(data: Float32Array): void {
  for (let i = 0; i < data.length; i++) if (data[i] === 0) data[i] = 0;
}

function addLayer(tensors: Map<string, WeightTensor>, layer: Layer, fail: Fail): void {
  const { name, type, blobs } = layer;
  const add = (suffix: string, tensor: WeightTensor): void => {
    if (tensors.has(`${name}.${suffix}`)) fail(`it holds the layer ${quote(name)} twice`);
    tensors.set(`${name}.${suffix}`, tensor);
  };
  if (type === 'BatchNorm' && blobs.length === 3) {
    // Mean and variance are stored as sums; the third blob is what they are divided by.
    const factor = blobs[2].data.at(0) ?? 0;
    for (const [i, suffix] of ['running_mean', 'running_var'].entries()) {
      const { data, bytes } = blobs[i];
      add(suffix, { shape: [data.length], data: data.map((value) => (factor === 0 ? 0 : value / factor)), bytes });
    }
    return;
  }
  // Dynamic Network Surgery's layers (CConvolution, CInnerProduct) put the masks behind the values.
  const surgical = type === 'CConvolution' || type === 'CInnerProduct';
  const sameLength = (a: number, b: number): boolean => blobs[a]?.data.length === blobs[b]?.data.length;
  const masks = surgical && blobs.length === 4 ? 2 : surgical && blobs.length === 2 && sameLength(0, 1) ? 1 : 0;
  const values = masks === 0 ? blobs : blobs.slice(0, masks);
  if (surgical) for (const { data } of values) dropZeroSigns(data);
  for (const [i, blob] of values.entries()) {
    const mask = masks === 0 ? undefined : applyMask(layer, blob, blobs[i + masks], fail);
    const suffix = ['weight', 'bias'][i] ?? `blob${i}`;
    add(suffix, {
      shape: namedShape(layer, blob, i),
      data: blob.data,
      bytes: blob.bytes,
      ...(mask === undefined ? {} : { mask }),
    });
  }
}

/**
 * Reads an open .caffemodel: LAYER.weight and LAYER.bias of every layer with blobs, masks of Dynamic Network Surgery
 * applied and kept.
 *
 * @throws WeightsError where the bytes are no NetParameter, or are cut.
 */
export async function readCaffemodel(file: ByteFile): Promise<{ tensors: Map<string, WeightTensor>; name: string }> {
  const fail = (message: string): never => {
    throw new WeightsError(
      `${file.path}: ${message}${message.includes(';') ? '' : '; the file is damaged or no .caffemodel, get it again'}`,
    );
  };
  if (file.size > LARGEST_FILE) fail(`${file.size} bytes are more than a protobuf message may have`);
  // An ArrayBuffer of its own (small Buffers share one), since floatsInPlace moves bytes inside it.
  const bytes = new Uint8Array(file.size);
  await file.readInto(bytes, 0);
  const tensors = new Map<string, WeightTensor>();
  let name = '';
  try {
    const reader = new BinaryReader(bytes);
    while (reader.pos < reader.len) {
      const [field, wire] = reader.tag();
      if (field === 1 && wire === WireType.LengthDelimited) name = decode(reader.bytes());
      else if (field === 2 && wire === WireType.LengthDelimited)
        addLayer(tensors, readLayer(reader.bytes(), 'v1', fail), fail);
      else if (field === 100 && wire === WireType.LengthDelimited)
        addLayer(tensors, readLayer(reader.bytes(), 'current', fail), fail);
      else reader.skip(wire, field);
    }
  } catch (error) {
    if (error instanceof FinepuneError) throw error;
    fail(`its bytes are no protobuf message (${messageOf(error)})`);
  }
  if (tensors.size === 0) fail('it holds no layer with weights');
  return { tensors, name };
}
