/**
 * The protobuf messages of onnx.proto that a model is made of: ModelProto, GraphProto, NodeProto, AttributeProto,
 * TensorProto, ValueInfoProto. https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';

/** A message's bytes in order. Tensors are views of the caller's: a network must not stand in memory once more a message. */
export type Pieces = readonly Uint8Array[];

export type OnnxAttribute = { name: string } & ({ float: number } | { int: number } | { ints: readonly number[] });

export interface OnnxNode {
  name: string;
  op: string;
  inputs: readonly string[];
  output: string;
  attributes: readonly OnnxAttribute[];
}

/** An initializer: values that a node reads by name, row-major. */
export interface OnnxTensor {
  name: string;
  /** [] for a single number. */
  shape: readonly number[];
  data: Float32Array | BigInt64Array;
}

/** An input or output of float32 [batch, ...shape]. */
export interface OnnxValue {
  name: string;
  shape: readonly number[];
}

export interface OnnxGraph {
  name: string;
  nodes: readonly OnnxNode[];
  tensors: readonly OnnxTensor[];
  input: OnnxValue;
  output: OnnxValue;
}

export interface OnnxModel {
  irVersion: number;
  opset: number;
  producer: { name: string; version: string };
  doc: string;
  graph: OnnxGraph;
  /** Anything in text, by key. */
  metadata: Readonly<Record<string, string>>;
}

/** TensorProto.DataType and AttributeProto.AttributeType. */
const ELEMENT = { float: 1, int64: 7 } as const;
const ATTRIBUTE = { float: 1, int: 2, ints: 7 } as const;

/** The bytes of an .onnx file. */
export function encodeModel({ irVersion, opset, producer, doc, graph, metadata }: OnnxModel): Pieces {
  const head = new BinaryWriter().tag(1, WireType.Varint).int64(irVersion);
  text(head, 2, producer.name);
  text(head, 3, producer.version);
  text(head, 6, doc);
  const tail = new BinaryWriter();
  message(tail, 8, (inner) => inner.tag(2, WireType.Varint).int64(opset));
  for (const [key, value] of Object.entries(metadata)) {
    message(tail, 14, (entry) => {
      text(entry, 1, key);
      text(entry, 2, value);
    });
  }
  return [head.finish(), ...field(7, encodeGraph(graph)), tail.finish()];
}

export function bytesOf(pieces: Pieces): number {
  return pieces.reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** A field of a message that is there in pieces. */
function field(number: number, pieces: Pieces): Pieces {
  return [new BinaryWriter().tag(number, WireType.LengthDelimited).uint32(bytesOf(pieces)).finish(), ...pieces];
}

function encodeGraph({ name, nodes, tensors, input, output }: OnnxGraph): Pieces {
  const head = new BinaryWriter();
  for (const node of nodes) message(head, 1, (inner) => writeNode(inner, node));
  text(head, 2, name);
  const tail = new BinaryWriter();
  message(tail, 11, (inner) => writeValue(inner, input));
  message(tail, 12, (inner) => writeValue(inner, output));
  return [head.finish(), ...tensors.flatMap((tensor) => field(5, encodeTensor(tensor))), tail.finish()];
}

function encodeTensor({ name, shape, data }: OnnxTensor): Pieces {
  const head = new BinaryWriter();
  for (const extent of shape) head.tag(1, WireType.Varint).int64(extent);
  head.tag(2, WireType.Varint).int32(data instanceof Float32Array ? ELEMENT.float : ELEMENT.int64);
  text(head, 8, name);
  return [head.finish(), ...field(9, [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)])];
}

function writeNode(writer: BinaryWriter, { name, op, inputs, output, attributes }: OnnxNode): void {
  for (const input of inputs) text(writer, 1, input);
  text(writer, 2, output);
  text(writer, 3, name);
  text(writer, 4, op);
  for (const attribute of attributes) message(writer, 5, (inner) => writeAttribute(inner, attribute));
}

function writeAttribute(writer: BinaryWriter, attribute: OnnxAttribute): void {
  text(writer, 1, attribute.name);
  const type = (value: number): unknown => writer.tag(20, WireType.Varint).int32(value);
  if ('float' in attribute) {
    // Past float32 a number is infinite, as it is where this package computes.
    writer.tag(2, WireType.Bit32).float(Math.fround(attribute.float));
    type(ATTRIBUTE.float);
  } else if ('int' in attribute) {
    writer.tag(3, WireType.Varint).int64(attribute.int);
    type(ATTRIBUTE.int);
  } else {
    for (const entry of attribute.ints) writer.tag(8, WireType.Varint).int64(entry);
    type(ATTRIBUTE.ints);
  }
}

function writeValue(writer: BinaryWriter, { name, shape }: OnnxValue): void {
  text(writer, 1, name);
  message(writer, 2, (type) =>
    message(type, 1, (tensor) => {
      tensor.tag(1, WireType.Varint).int32(ELEMENT.float);
      message(tensor, 2, (dimensions) => {
        message(dimensions, 1, (dimension) => text(dimension, 2, 'batch'));
        for (const extent of shape) {
          message(dimensions, 1, (dimension) => dimension.tag(1, WireType.Varint).int64(extent));
        }
      });
    }),
  );
}

function message(writer: BinaryWriter, number: number, write: (inner: BinaryWriter) => unknown): void {
  const inner = new BinaryWriter();
  write(inner);
  writer.tag(number, WireType.LengthDelimited).bytes(inner.finish());
}

function text(writer: BinaryWriter, number: number, value: string): void {
  writer.tag(number, WireType.LengthDelimited).string(value);
}
