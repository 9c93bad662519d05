/**
 * A spec with its weights as an ONNX model: the protobuf messages of onnx.proto, opset 13. Operators carry ONNX names
 * and semantics in a spec already, so that a node becomes a node.
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { SpecError } from '../errors.js';
import { formatBytes } from '../format.js';
import { elementsOf, parameterShapes } from './shapes.js';
import type { ModelNode, ModelSpec } from './spec-types.js';
import { toGraph } from './spec.js';

const OPSET = 13;
const IR_VERSION = 8;
/** The largest float32. */
const LARGEST = 3.4028234663852886e38;

/** Protobuf's limit: readers refuse a message of 2 GiB or more. */
const MOST_BYTES = 2 ** 31 - 1;

/** onnx.proto's TensorProto.DataType and AttributeProto.AttributeType. */
const FLOAT = 1;
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;

/** Of a node; any may be absent. */
type Attributes = Partial<Record<string, number | number[]>>;

/** Tensors by parameter name, row-major. */
export type OnnxTensors = ReadonlyMap<string, { data: Float32Array }>;

/**
 * The bytes of an .onnx file: input "input" [batch, channels, size, size], output [batch, classes] by the name of the spec's output node.
 *
 * @throws SpecError a parameter's tensor is missing, or the file would reach protobuf's 2 GiB.
 */
export function writeOnnx(spec: ModelSpec, tensors: OnnxTensors): Uint8Array {
  const shapes = parameterShapes(spec);
  // Before anything of that size is made.
  requireSize(
    spec,
    shapes.reduce((sum, { shape }) => sum + Float32Array.BYTES_PER_ELEMENT * elementsOf(shape), 0),
  );
  const graph = new BinaryWriter();
  // The shapes and defaults that the addon sees are those that go out.
  const { nodes, classes } = toGraph(spec);
  for (const node of nodes) {
    message(graph, 1, (writer) => writeNode(writer, node as ModelNode, spec));
  }
  text(graph, 2, spec.name);
  for (const { name, shape } of shapes) {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw new SpecError(`${spec.name}: tensor ${name} is missing; give every parameter`);
    message(graph, 5, (writer) => writeTensor(writer, name, shape, tensor.data));
  }
  for (const { name, op, ...rest } of nodes) {
    if (op !== 'Clip') continue;
    const attributes: Attributes = rest.attributes;
    for (const limit of ['min', 'max'] as const) {
      const value = Number(attributes[limit] ?? (limit === 'min' ? -LARGEST : LARGEST));
      message(graph, 5, (writer) => writeTensor(writer, `${name}.${limit}`, [], Float32Array.of(value)));
    }
  }
  const { channels, size } = spec.input;
  message(graph, 11, (writer) => writeValue(writer, 'input', [channels, size, size]));
  message(graph, 12, (writer) => writeValue(writer, spec.output, [classes]));

  const model = new BinaryWriter();
  model.tag(1, WireType.Varint).int64(IR_VERSION);
  text(model, 2, 'finepune-native');
  model.tag(7, WireType.LengthDelimited).bytes(graph.finish());
  message(model, 8, (writer) => writer.tag(2, WireType.Varint).int64(OPSET));
  const bytes = model.finish();
  requireSize(spec, bytes.length);
  return bytes;
}

/** @throws SpecError past what a reader of protobuf takes. */
function requireSize({ name }: ModelSpec, bytes: number): void {
  if (bytes <= MOST_BYTES) return;
  throw new SpecError(
    `${name}: ${formatBytes(bytes)} as ONNX, which protobuf limits to 2 GiB; take a smaller network, or write .safetensors`,
  );
}

function message(writer: BinaryWriter, field: number, write: (inner: BinaryWriter) => unknown): void {
  const inner = new BinaryWriter();
  write(inner);
  writer.tag(field, WireType.LengthDelimited).bytes(inner.finish());
}

function text(writer: BinaryWriter, field: number, value: string): void {
  writer.tag(field, WireType.LengthDelimited).string(value);
}

/** NodeProto. */
function writeNode(writer: BinaryWriter, node: ModelNode, spec: ModelSpec): void {
  const { name, op, inputs } = node;
  const attributes: Attributes = node.attributes ?? {};
  for (const input of [...inputs, ...parameterInputs(node)]) text(writer, 1, input);
  text(writer, 2, name);
  text(writer, 3, name);
  text(writer, 4, op);
  const put = (attribute: string, value: number | number[]) =>
    message(writer, 5, (inner) => writeAttribute(inner, attribute, value));
  const putGiven = (attribute: string) => {
    const value = attributes[attribute];
    if (value !== undefined) put(attribute, value);
  };
  switch (op) {
    case 'Conv':
      for (const attribute of ['kernel_shape', 'strides', 'pads', 'dilations', 'group']) {
        putGiven(attribute);
      }
      break;
    case 'MaxPool':
    case 'AveragePool':
      for (const attribute of ['kernel_shape', 'strides', 'pads', 'ceil_mode']) {
        putGiven(attribute);
      }
      if (op === 'AveragePool') put('count_include_pad', attributes.count_include_pad ?? 0);
      break;
    case 'Gemm':
      put('transB', 1);
      break;
    case 'LRN':
      put('size', attributes.size ?? 5);
      for (const attribute of ['alpha', 'beta', 'bias']) {
        const value = attributes[attribute];
        if (typeof value === 'number') message(writer, 5, (inner) => writeFloat(inner, attribute, value));
      }
      break;
    case 'BatchNormalization':
      message(writer, 5, (inner) => writeFloat(inner, 'epsilon', Number(attributes.epsilon ?? 1e-5)));
      break;
    case 'Concat':
    case 'Flatten':
      put('axis', 1);
      break;
    case 'Softmax':
      put('axis', 1);
      break;
    case 'Clip':
    case 'Relu':
    case 'Add':
    case 'Dropout':
    case 'GlobalAveragePool':
      break;
    default:
      throw new SpecError(
        `${spec.name}: node ${name} is a ${String(op)}, which has no ONNX form here; use another operator`,
      );
  }
}

/** Names of the tensors a node reads beside the values of other nodes, in ONNX's order. */
function parameterInputs({ name, op, ...rest }: ModelNode): string[] {
  const attributes: Attributes = rest.attributes ?? {};
  switch (op) {
    case 'Conv':
    case 'Gemm':
      return (attributes.bias ?? 1) === 0 ? [`${name}.weight`] : [`${name}.weight`, `${name}.bias`];
    case 'BatchNormalization':
      return ['weight', 'bias', 'running_mean', 'running_var'].map((suffix) => `${name}.${suffix}`);
    case 'Clip':
      return [`${name}.min`, `${name}.max`];
    default:
      return [];
  }
}

/** AttributeProto of whole numbers. */
function writeAttribute(writer: BinaryWriter, name: string, value: number | number[]): void {
  text(writer, 1, name);
  if (Array.isArray(value)) {
    for (const entry of value) writer.tag(8, WireType.Varint).int64(entry);
    writer.tag(20, WireType.Varint).int32(ATTRIBUTE.ints);
  } else {
    writer.tag(3, WireType.Varint).int64(value);
    writer.tag(20, WireType.Varint).int32(ATTRIBUTE.int);
  }
}

function writeFloat(writer: BinaryWriter, name: string, value: number): void {
  text(writer, 1, name);
  writer.tag(2, WireType.Bit32).float(value);
  writer.tag(20, WireType.Varint).int32(ATTRIBUTE.float);
}

/** TensorProto. */
function writeTensor(writer: BinaryWriter, name: string, shape: readonly number[], data: Float32Array): void {
  for (const size of shape) writer.tag(1, WireType.Varint).int64(size);
  writer.tag(2, WireType.Varint).int32(FLOAT);
  text(writer, 8, name);
  writer.tag(9, WireType.LengthDelimited).bytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
}

/** ValueInfoProto of [batch, ...shape] floats. */
function writeValue(writer: BinaryWriter, name: string, shape: readonly number[]): void {
  text(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.tag(1, WireType.Varint).int32(FLOAT);
      message(tensor, 2, (dimensions) => {
        message(dimensions, 1, (dimension) => text(dimension, 2, 'batch'));
        for (const size of shape) {
          message(dimensions, 1, (dimension) => dimension.tag(1, WireType.Varint).int64(size));
        }
      });
    }),
  );
}
