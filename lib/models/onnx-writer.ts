/** A spec with its weights as an ONNX model, opset 13, that says of itself what its input and its classes are. */
import { InternalError, SpecError } from '../errors.js';
import { formatBytes } from '../format.js';
import { packageVersion } from '../package-version.js';
import { bytesOf, encodeModel, type OnnxTensor, type Pieces } from './onnx-messages.js';
import { onnxOperators } from './onnx-nodes.js';
import { elementsOf, parameterShapes } from './shapes.js';
import type { ModelSpec } from './spec-types.js';
import { classCount } from './spec.js';

const OPSET = 13;
/** Of ONNX 1.10; opset 13 needs 7 or later. */
const IR_VERSION = 8;

/** Protobuf's limit: readers refuse a message of 2 GiB or more. */
const MOST_BYTES = 2 ** 31 - 1;

/** Float32 tensors by parameter name, row-major. */
export type OnnxTensors = ReadonlyMap<string, { data: Float32Array }>;

/**
 * An .onnx file: ModelProto of onnx.proto with the operators of opset 13, every weight in it as float32, dense.
 *
 * Input "input", float32 [batch, channels, size, size], normalised as the spec's `input` says; output the logits, float32
 * [batch, classes], by the name of the spec's output node. Initializers have the parameters' names. `metadata_props` has
 * "preprocessing", the spec's `input` as JSON, and where labels are known "labels", a JSON list in the order of the logits;
 * `doc_string` says both in words.
 *
 * @param labels one a class; null where nobody named them
 * @returns the file's bytes in order; weights are views of `tensors`, not copies.
 * @throws SpecError a parameter's tensor is missing, or the file would reach protobuf's 2 GiB; InternalError a tensor is of
 *   another length than its parameter.
 */
export function onnxPieces(spec: ModelSpec, tensors: OnnxTensors, labels: readonly string[] | null = null): Pieces {
  const shapes = parameterShapes(spec);
  requireSize(
    spec,
    shapes.reduce((sum, { shape }) => sum + Float32Array.BYTES_PER_ELEMENT * elementsOf(shape), 0),
  );
  const { nodes, constants, output } = onnxOperators(spec);
  const weights = shapes.map(({ name, shape }) => weightOf(spec, tensors, name, shape));
  const { channels, size } = spec.input;
  const pieces = encodeModel({
    irVersion: IR_VERSION,
    opset: OPSET,
    producer: { name: 'finepune-native', version: packageVersion() },
    doc: describe(spec, output),
    graph: {
      name: spec.name,
      nodes,
      tensors: [...weights, ...constants],
      input: { name: 'input', shape: [channels, size, size] },
      output: { name: output, shape: [classCount(spec)] },
    },
    metadata: {
      preprocessing: JSON.stringify(spec.input),
      ...(labels === null ? {} : { labels: JSON.stringify(labels) }),
    },
  });
  requireSize(spec, bytesOf(pieces));
  return pieces;
}

/** onnxPieces in one array, for a reader in this process. */
export function writeOnnx(spec: ModelSpec, tensors: OnnxTensors): Uint8Array {
  const pieces = onnxPieces(spec, tensors);
  const bytes = new Uint8Array(bytesOf(pieces));
  let position = 0;
  for (const piece of pieces) {
    bytes.set(piece, position);
    position += piece.byteLength;
  }
  return bytes;
}

function weightOf(spec: ModelSpec, tensors: OnnxTensors, name: string, shape: number[]): OnnxTensor {
  const data = tensors.get(name)?.data;
  if (data === undefined) throw new SpecError(`${spec.name}: tensor ${name} is missing; give every parameter`);
  if (data.length !== elementsOf(shape)) {
    throw new InternalError(`${name} needs ${elementsOf(shape)} values but has ${data.length}`);
  }
  return { name, shape, data };
}

function describe({ name, input }: ModelSpec, output: string): string {
  const { size, resize, channelOrder, scale, mean, std } = input;
  return (
    `${name}. An image for "input": the shorter side resized to ${resize} (bilinear, antialiased), the centre ${size} x ${size} cut out, ` +
    `channels in the order ${channelOrder}, then (value * ${scale} - mean) / std of values 0 to 255, by channel mean ` +
    `${mean.join(', ')} and std ${std.join(', ')}. "${output}" is the logits. metadata_props has this as JSON (preprocessing), ` +
    'and the names of the classes (labels) where they are known.'
  );
}

/** @throws SpecError past what a reader of protobuf takes. */
function requireSize({ name }: ModelSpec, bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw new SpecError(
    `${name}: ${formatBytes(bytes)} as ONNX, which protobuf limits to 2 GiB; take a smaller network, or write .safetensors`,
  );
}
