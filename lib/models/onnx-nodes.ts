/**
 * A spec's nodes as ONNX's, opset 13 (https://onnx.ai/onnx/operators/). Operators carry ONNX names and semantics in a spec
 * already, so that a node becomes a node; only pools whose last window is not full take other words.
 */
import { numberOf, listOf, type Attributes } from './operators.js';
import type { OnnxAttribute, OnnxNode, OnnxTensor } from './onnx-messages.js';
import { attributesOf, inferShapes, parameterShapes, topologicalOrder } from './shapes.js';
import type { ModelNode, ModelSpec } from './spec-types.js';

/** The network's operators without its weights, which nodes read by their parameter names. */
export interface OnnxOperators {
  /** In an order in which every node comes after its inputs. */
  nodes: OnnxNode[];
  /** What ONNX takes as inputs where a spec has attributes. */
  constants: OnnxTensor[];
  /** Name of the logits. */
  output: string;
}

/** What a node is made from: its attributes complete, its inputs by their names in the ONNX graph. */
interface Source {
  node: ModelNode;
  attributes: Attributes;
  inputs: string[];
  output: string;
  /** Of the first input and of the output, without the batch. */
  from: number[];
  to: number[];
  /** A name that nothing has yet. */
  unused: (wanted: string) => string;
}

type Made = Omit<OnnxOperators, 'output'>;

/** A function that gives each name out once; one that is taken gets underscores. */
function namesBeside(taken: Iterable<string>): (wanted: string) => string {
  const names = new Set(taken);
  return (wanted) => {
    let name = wanted;
    while (names.has(name)) name += '_';
    names.add(name);
    return name;
  };
}

/** The value that each node gives, by its name; ONNX has one space of names for values and tensors, a spec has two. */
function valueNames(spec: ModelSpec, unused: (wanted: string) => string): Map<string, string> {
  const parameters = new Set(parameterShapes(spec).map(({ name }) => name));
  const values = spec.nodes.map(({ name }): [string, string] => [name, parameters.has(name) ? unused(name) : name]);
  return new Map([['input', 'input'], ...values]);
}

/** The spec's nodes in ONNX's words; parameters keep their names, and a node's value has the node's unless a parameter has it. */
export function onnxOperators(spec: ModelSpec): OnnxOperators {
  const unused = namesBeside([
    'input',
    ...spec.nodes.map(({ name }) => name),
    ...parameterShapes(spec).map(({ name }) => name),
  ]);
  const values = valueNames(spec, unused);
  const shapes = inferShapes(spec);
  const made = topologicalOrder(spec).map((node) =>
    makeNode({
      node,
      attributes: attributesOf(node),
      inputs: node.inputs.map((name) => values.get(name)!),
      output: values.get(node.name)!,
      from: shapes.get(node.inputs[0])!,
      to: shapes.get(node.name)!,
      unused,
    }),
  );
  return {
    nodes: made.flatMap(({ nodes }) => nodes),
    constants: made.flatMap(({ constants }) => constants),
    output: values.get(spec.output)!,
  };
}

function makeNode(source: Source): Made {
  const { node, attributes } = source;
  const parameters = (...suffixes: string[]): string[] => suffixes.map((suffix) => `${node.name}.${suffix}`);
  const weights = attributes['bias'] === 1 ? parameters('weight', 'bias') : parameters('weight');
  switch (node.op) {
    case 'Conv':
      return one(source, weights, integers(attributes, ['kernel_shape', 'strides', 'pads', 'dilations', 'group']));
    case 'Gemm':
      // Weights are [out, in].
      return one(source, weights, [{ name: 'transB', int: 1 }]);
    case 'BatchNormalization':
      // Without its optional outputs it normalises by the statistics it is given.
      return one(source, parameters('weight', 'bias', 'running_mean', 'running_var'), floats(attributes, ['epsilon']));
    case 'LRN':
      return one(source, [], [...integers(attributes, ['size']), ...floats(attributes, ['alpha', 'beta', 'bias'])]);
    case 'Clip':
      return clip(source);
    case 'MaxPool':
    case 'AveragePool':
      return pool(source);
    case 'Concat':
    case 'Flatten':
    case 'Softmax':
      return one(source, [], [{ name: 'axis', int: 1 }]);
    case 'Dropout': // without the input training_mode it changes nothing
    case 'Relu':
    case 'Add':
    case 'GlobalAveragePool':
      return one(source, [], []);
  }
}

function one({ node, inputs, output }: Source, more: string[], attributes: OnnxAttribute[]): Made {
  return { nodes: [{ name: node.name, op: node.op, inputs: [...inputs, ...more], output, attributes }], constants: [] };
}

/** Whole numbers under the same names. */
function integers(attributes: Attributes, names: string[]): OnnxAttribute[] {
  return names.map((name) => {
    const value = attributes[name];
    return Array.isArray(value) ? { name, ints: value } : { name, int: value };
  });
}

function floats(attributes: Attributes, names: string[]): OnnxAttribute[] {
  return names.map((name) => ({ name, float: numberOf(attributes, name) }));
}

/** Limits are inputs since opset 11. */
function clip(source: Source): Made {
  const constants = ['min', 'max'].map((limit) => ({
    name: source.unused(`${source.node.name}.${limit}`),
    shape: [],
    data: Float32Array.of(numberOf(source.attributes, limit)),
  }));
  const names = constants.map(({ name }) => name);
  return { ...one(source, names, []), constants };
}

/**
 * A pool without `ceil_mode`, which readers do not agree on before opset 19: some let a last window begin behind the image,
 * some count its cells outside of the padded image with `count_include_pad`; here, as in PyTorch, neither is so. Instead
 * the last windows are filled up with padding at the end, which does not count, and padding that counts is put there as
 * zeros before.
 */
function pool(source: Source): Made {
  const { node, attributes, from, to } = source;
  const [kernel, strides, pads] = ['kernel_shape', 'strides', 'pads'].map((name) => listOf(attributes, name));
  const missing = [0, 1].map((side) =>
    Math.max(0, (to[side + 1] - 1) * strides[side] + kernel[side] - from[side + 1] - pads[side] - pads[side + 2]),
  );
  const isFilledUp = missing.some((cells) => cells > 0);
  const countsPads = attributes['count_include_pad'] === 1 && pads.some((cells) => cells > 0);
  const average = (counted: boolean): OnnxAttribute[] =>
    node.op === 'AveragePool' ? [{ name: 'count_include_pad', int: counted ? 1 : 0 }] : [];
  const windows = (around: number[], counted: boolean): OnnxAttribute[] => [
    ...integers(attributes, ['kernel_shape', 'strides']),
    { name: 'pads', ints: around },
    ...average(counted),
  ];
  if (!isFilledUp || !countsPads || node.op === 'MaxPool') {
    const filled = pads.map((cells, place) => cells + (place < 2 ? 0 : missing[place - 2]));
    return one(source, [], windows(filled, countsPads));
  }
  const zeros = zeroPadding(source, pads);
  const padded = { ...source, inputs: zeros.nodes.map(({ output }) => output) };
  const { nodes } = one(padded, [], windows([0, 0, ...missing], false));
  return { nodes: [...zeros.nodes, ...nodes], constants: zeros.constants };
}

/** Zeros around images: the operator Pad, its `pads` an input since opset 11. */
function zeroPadding({ node, inputs, unused }: Source, [top, left, bottom, right]: number[]): Made {
  const widths = {
    name: unused(`${node.name}.pads`),
    shape: [8],
    data: BigInt64Array.from([0, 0, top, left, 0, 0, bottom, right], BigInt),
  };
  const name = unused(`${node.name}.pad`);
  const padding: OnnxNode = { name, op: 'Pad', inputs: [...inputs, widths.name], output: name, attributes: [] };
  return { nodes: [padding], constants: [widths] };
}
