/** A reader of the parts of onnx.proto that a model of this package has; anything else in a file is an error. */
import { BinaryReader, type WireType } from '@bufbuild/protobuf/wire';

export interface ReadNode {
  name: string;
  op: string;
  inputs: string[];
  outputs: string[];
  /** AttributeProto.type is checked against the field that holds the value. */
  attributes: Record<string, number | number[]>;
}

export interface ReadTensor {
  name: string;
  dims: number[];
  type: 'float' | 'int64';
  raw: Uint8Array<ArrayBuffer>;
}

export interface ReadValue {
  name: string;
  type: number;
  /** A number, or the name of one. */
  dims: (number | string)[];
}

export interface ReadModel {
  irVersion: number;
  producer: [name: string, version: string];
  doc: string;
  opsets: { domain: string; version: number }[];
  metadata: [key: string, value: string][];
  graph: { name: string; nodes: ReadNode[]; tensors: ReadTensor[]; inputs: ReadValue[]; outputs: ReadValue[] };
}

type Field = (reader: BinaryReader) => void;

/** Reads a message field by field; one without an entry is an error. */
function readFields(bytes: Uint8Array, message: string, fields: Record<number, Field>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [number, type]: [number, WireType] = reader.tag();
    const field = (fields as Partial<Record<number, Field>>)[number];
    if (field === undefined) throw new Error(`${message} has field ${number} of wire type ${type}`);
    field(reader);
  }
}

/** @throws Error where the bytes are no message, or hold what this package does not write. */
export function readOnnx(bytes: Uint8Array): ReadModel {
  const model: ReadModel = {
    irVersion: 0,
    producer: ['', ''],
    doc: '',
    opsets: [],
    metadata: [],
    graph: { name: '', nodes: [], tensors: [], inputs: [], outputs: [] },
  };
  readFields(bytes, 'ModelProto', {
    1: (reader) => (model.irVersion = Number(reader.int64())),
    2: (reader) => (model.producer[0] = reader.string()),
    3: (reader) => (model.producer[1] = reader.string()),
    6: (reader) => (model.doc = reader.string()),
    7: (reader) => (model.graph = readGraph(reader.bytes())),
    8: (reader) => model.opsets.push(readOpset(reader.bytes())),
    14: (reader) => model.metadata.push(readEntry(reader.bytes())),
  });
  return model;
}

function readOpset(bytes: Uint8Array): { domain: string; version: number } {
  const opset = { domain: '', version: 0 };
  readFields(bytes, 'OperatorSetIdProto', {
    1: (reader) => (opset.domain = reader.string()),
    2: (reader) => (opset.version = Number(reader.int64())),
  });
  return opset;
}

function readEntry(bytes: Uint8Array): [string, string] {
  const entry: [string, string] = ['', ''];
  readFields(bytes, 'StringStringEntryProto', {
    1: (reader) => (entry[0] = reader.string()),
    2: (reader) => (entry[1] = reader.string()),
  });
  return entry;
}

function readGraph(bytes: Uint8Array): ReadModel['graph'] {
  const graph: ReadModel['graph'] = { name: '', nodes: [], tensors: [], inputs: [], outputs: [] };
  readFields(bytes, 'GraphProto', {
    1: (reader) => graph.nodes.push(readNode(reader.bytes())),
    2: (reader) => (graph.name = reader.string()),
    5: (reader) => graph.tensors.push(readTensor(reader.bytes())),
    11: (reader) => graph.inputs.push(readValue(reader.bytes())),
    12: (reader) => graph.outputs.push(readValue(reader.bytes())),
  });
  return graph;
}

function readNode(bytes: Uint8Array): ReadNode {
  const node: ReadNode = { name: '', op: '', inputs: [], outputs: [], attributes: {} };
  readFields(bytes, 'NodeProto', {
    1: (reader) => node.inputs.push(reader.string()),
    2: (reader) => node.outputs.push(reader.string()),
    3: (reader) => (node.name = reader.string()),
    4: (reader) => (node.op = reader.string()),
    5: (reader) => {
      const [name, value] = readAttribute(reader.bytes());
      if (Object.hasOwn(node.attributes, name)) throw new Error(`attribute ${name} is there twice`);
      node.attributes[name] = value;
    },
  });
  return node;
}

function readAttribute(bytes: Uint8Array): [string, number | number[]] {
  let name = '';
  let type = 0;
  const found: Record<'float' | 'int' | 'ints', number[]> = { float: [], int: [], ints: [] };
  readFields(bytes, 'AttributeProto', {
    1: (reader) => (name = reader.string()),
    2: (reader) => found.float.push(reader.float()),
    3: (reader) => found.int.push(Number(reader.int64())),
    8: (reader) => found.ints.push(Number(reader.int64())),
    20: (reader) => (type = reader.int32()),
  });
  const kind = ({ 1: 'float', 2: 'int', 7: 'ints' } as const)[type];
  const others = Object.entries(found).filter(([key, values]) => key !== kind && values.length > 0);
  if (kind === undefined || others.length > 0) throw new Error(`attribute ${name} is not of its type ${type}`);
  return [name, kind === 'ints' ? found.ints : found[kind][0]];
}

function readTensor(bytes: Uint8Array): ReadTensor {
  const tensor: ReadTensor = { name: '', dims: [], type: 'float', raw: new Uint8Array() };
  readFields(bytes, 'TensorProto', {
    1: (reader) => tensor.dims.push(Number(reader.int64())),
    2: (reader) => {
      const type = ({ 1: 'float', 7: 'int64' } as const)[reader.int32()];
      if (type === undefined) throw new Error('a tensor is neither of float nor of int64');
      tensor.type = type;
    },
    8: (reader) => (tensor.name = reader.string()),
    9: (reader) => (tensor.raw = Uint8Array.from(reader.bytes())),
  });
  return tensor;
}

function readValue(bytes: Uint8Array): ReadValue {
  const value: ReadValue = { name: '', type: 0, dims: [] };
  const readDimension = (dimension: Uint8Array): void =>
    readFields(dimension, 'Dimension', {
      1: (reader) => value.dims.push(Number(reader.int64())),
      2: (reader) => value.dims.push(reader.string()),
    });
  const readTensorType = (type: Uint8Array): void =>
    readFields(type, 'TypeProto.Tensor', {
      1: (reader) => (value.type = reader.int32()),
      2: (reader) => readFields(reader.bytes(), 'TensorShapeProto', { 1: (inner) => readDimension(inner.bytes()) }),
    });
  readFields(bytes, 'ValueInfoProto', {
    1: (reader) => (value.name = reader.string()),
    2: (reader) => readFields(reader.bytes(), 'TypeProto', { 1: (inner) => readTensorType(inner.bytes()) }),
  });
  return value;
}

/** The values of a float tensor. */
export function floatsOf({ raw }: ReadTensor): Float32Array {
  return new Float32Array(raw.buffer);
}
