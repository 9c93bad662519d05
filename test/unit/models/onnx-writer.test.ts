import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { InternalError, SpecError } from '../../../lib/errors.js';
import {
  elementsOf,
  listModels,
  loadSpec,
  onnxPieces,
  parameterShapes,
  validateSpec,
  writeOnnx,
  type ModelNode,
  type ModelSpec,
} from '../../../lib/models/index.js';
import { onnxOperators } from '../../../lib/models/onnx-nodes.js';
import { floatsOf, readOnnx, type ReadNode, type ReadTensor } from './onnx-reader.js';
import { smallSpec } from './support.js';

type Tensors = Map<string, { data: Float32Array }>;

/** Values that tell where they belong. */
function tensorsOf(spec: ModelSpec): Tensors {
  return new Map(
    parameterShapes(spec).map(({ name, shape }, place) => [
      name,
      { data: Float32Array.from({ length: elementsOf(shape) }, (_, index) => place + index / 1024) },
    ]),
  );
}

function written(spec: ModelSpec, labels: string[] | null = null): ReturnType<typeof readOnnx> {
  return readOnnx(Buffer.concat(onnxPieces(spec, tensorsOf(spec), labels)));
}

/** The nodes that stand for some of a spec's, between 1 x size x size grey images and a classifier. */
function nodesOf(nodes: ModelNode[], size = 6): { nodes: ReadNode[]; tensors: ReadTensor[] } {
  const spec = smallSpec((changed) => {
    changed.input = { ...changed.input, size, resize: size };
    changed.nodes = [
      ...nodes,
      { name: 'flat', op: 'Flatten', inputs: [nodes[nodes.length - 1].name] },
      { name: 'fc', op: 'Gemm', inputs: ['flat'], attributes: { out_features: 3 } },
    ];
  });
  const { graph } = written(validateSpec(spec, 'test'));
  return { nodes: graph.nodes.slice(0, -2), tensors: graph.tensors };
}

describe('the ONNX model', () => {
  it('says what it is, and what its input and output are', () => {
    const { irVersion, opsets, producer, doc, metadata, graph } = written(smallSpec(), ['a', 'b "c"', 'ä']);
    const manifest = readFileSync(new URL('../../../package.json', import.meta.url), 'utf8');
    expect({ irVersion, opsets, producer }).toEqual({
      irVersion: 8,
      opsets: [{ domain: '', version: 13 }],
      producer: ['finepune-native', (JSON.parse(manifest) as { version: string }).version],
    });
    expect(metadata.map(([key, value]) => [key, JSON.parse(value) as unknown])).toEqual([
      ['preprocessing', smallSpec().input],
      ['labels', ['a', 'b "c"', 'ä']],
    ]);
    expect(doc).toMatch(/^small\. An image for "input": the shorter side resized to 8 .* centre 6 x 6 .*"fc" is/);
    expect(graph.name).toBe('small');
    expect(graph.inputs).toEqual([{ name: 'input', type: 1, dims: ['batch', 1, 6, 6] }]);
    expect(graph.outputs).toEqual([{ name: 'fc', type: 1, dims: ['batch', 3] }]);
  });

  it('has no labels where nobody named them', () => {
    expect(written(smallSpec()).metadata.map(([key]) => key)).toEqual(['preprocessing']);
  });

  it('has every parameter by its name, in its shape, bit for bit', () => {
    const spec = smallSpec();
    const tensors = tensorsOf(spec);
    const read = written(spec).graph.tensors;
    expect(read.map(({ name, dims, type }) => ({ name, dims, type }))).toEqual(
      parameterShapes(spec).map(({ name, shape }) => ({ name, dims: shape, type: 'float' })),
    );
    for (const tensor of read) expect(floatsOf(tensor), tensor.name).toEqual(tensors.get(tensor.name)!.data);
  });

  it('is the same bytes in one array, and its pieces do not copy the weights', () => {
    const spec = smallSpec();
    const tensors = tensorsOf(spec);
    const pieces = onnxPieces(spec, tensors);
    expect(Buffer.concat(pieces).equals(writeOnnx(spec, tensors))).toBe(true);
    for (const [name, { data }] of tensors) {
      expect(
        pieces.some(({ buffer }) => buffer === data.buffer),
        name,
      ).toBe(true);
    }
  });

  it.each(listModels())('of %s has nodes after what they read, and each name once', (name) => {
    const spec = loadSpec(name);
    const { nodes, constants, output } = onnxOperators(spec);
    const names = ['input', ...[...parameterShapes(spec), ...constants].map((tensor) => tensor.name)];
    const known = new Set(names);
    for (const node of nodes) {
      for (const input of node.inputs) expect(known, node.name).toContain(input);
      known.add(node.output);
    }
    expect(known.size).toBe(names.length + nodes.length);
    expect(output).toBe(spec.output);
  });
});

describe('the nodes', () => {
  it('of a small network', () => {
    expect(written(smallSpec()).graph.nodes).toEqual([
      {
        name: 'conv',
        op: 'Conv',
        inputs: ['input', 'conv.weight', 'conv.bias'],
        outputs: ['conv'],
        attributes: { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1 },
      },
      {
        name: 'bn',
        op: 'BatchNormalization',
        inputs: ['conv', 'bn.weight', 'bn.bias', 'bn.running_mean', 'bn.running_var'],
        outputs: ['bn'],
        attributes: { epsilon: Math.fround(1e-5) },
      },
      { name: 'relu', op: 'Relu', inputs: ['bn'], outputs: ['relu'], attributes: {} },
      {
        name: 'pool',
        op: 'MaxPool',
        inputs: ['relu'],
        outputs: ['pool'],
        attributes: { kernel_shape: [2, 2], strides: [2, 2], pads: [0, 0, 0, 0] },
      },
      { name: 'flatten', op: 'Flatten', inputs: ['pool'], outputs: ['flatten'], attributes: { axis: 1 } },
      {
        name: 'fc',
        op: 'Gemm',
        inputs: ['flatten', 'fc.weight', 'fc.bias'],
        outputs: ['fc'],
        attributes: { transB: 1 },
      },
    ]);
  });

  it.each<[string, Partial<ModelNode>, Partial<ReadNode>]>([
    [
      'LRN has all of its attributes',
      { op: 'LRN', attributes: { size: 5 } },
      { attributes: { size: 5, alpha: Math.fround(1e-4), beta: 0.75, bias: 1 } },
    ],
    [
      'LRN keeps what it is given',
      { op: 'LRN', attributes: { size: 3, alpha: 2, beta: 0.5, bias: 4 } },
      { attributes: { size: 3, alpha: 2, beta: 0.5, bias: 4 } },
    ],
    [
      'Dropout reads no ratio: it changes nothing',
      { op: 'Dropout', attributes: { ratio: 0.3 } },
      { inputs: ['input'], attributes: {} },
    ],
    ['GlobalAveragePool', { op: 'GlobalAveragePool' }, { attributes: {} }],
    ['Softmax is over the channels', { op: 'Softmax' }, { attributes: { axis: 1 } }],
    ['Add', { op: 'Add', inputs: ['input', 'input'] }, { inputs: ['input', 'input'], attributes: {} }],
    [
      'Concat is over the channels',
      { op: 'Concat', inputs: ['input', 'input', 'input'] },
      { inputs: ['input', 'input', 'input'], attributes: { axis: 1 } },
    ],
    [
      'a Conv without bias',
      {
        op: 'Conv',
        attributes: {
          out_channels: 4,
          kernel_shape: [3, 2],
          strides: [2, 1],
          pads: [1, 0, 2, 1],
          dilations: [2, 1],
          bias: 0,
        },
      },
      {
        inputs: ['input', 'node.weight'],
        attributes: { kernel_shape: [3, 2], strides: [2, 1], pads: [1, 0, 2, 1], dilations: [2, 1], group: 1 },
      },
    ],
  ])('%s', (_name, node, expected) => {
    const { nodes } = nodesOf([{ name: 'node', op: 'Relu', inputs: ['input'], ...node }]);
    expect(nodes).toEqual([{ name: 'node', op: node.op, inputs: ['input'], outputs: ['node'], ...expected }]);
  });

  it('give Clip its limits as inputs of no dimensions', () => {
    const { nodes, tensors } = nodesOf([
      { name: 'clip', op: 'Clip', inputs: ['input'], attributes: { min: 0, max: 6 } },
    ]);
    expect(nodes[0]).toMatchObject({ inputs: ['input', 'clip.min', 'clip.max'], attributes: {} });
    const limits = tensors.filter(({ name }) => name.startsWith('clip.'));
    expect(limits.map((tensor) => [tensor.name, tensor.dims, [...floatsOf(tensor)]])).toEqual([
      ['clip.min', [], [0]],
      ['clip.max', [], [6]],
    ]);
  });

  it('take an infinite number where a float32 holds none so large', () => {
    const { nodes } = nodesOf([{ name: 'norm', op: 'LRN', inputs: ['input'], attributes: { size: 3, alpha: 1e300 } }]);
    expect(nodes[0].attributes['alpha']).toBe(Infinity);
  });

  it('come after what they read, whatever the order of the spec', () => {
    const spec = smallSpec((changed) => void changed.nodes.reverse());
    expect(written(spec).graph.nodes).toEqual(written(smallSpec()).graph.nodes);
  });
});

describe('pools', () => {
  const window = { kernel_shape: [2, 2], strides: [2, 2] };

  /** The nodes that a pool of a size x size image becomes, as [op, attributes]. */
  function poolOf(op: 'MaxPool' | 'AveragePool', size: number, attributes: ModelNode['attributes']): unknown[] {
    const { nodes } = nodesOf([{ name: 'pool', op, inputs: ['input'], attributes }], size);
    expect(nodes[nodes.length - 1].outputs).toEqual(['pool']);
    return nodes.map((node) => [node.op, node.attributes]);
  }

  it.each([
    ['full windows', 6, { ...window, ceil_mode: 1 }, [0, 0, 0, 0]],
    ['a last window that is not full', 5, { ...window, ceil_mode: 1 }, [0, 0, 1, 1]],
    ['a last window that would begin behind the image', 6, { ...window, strides: [3, 3], ceil_mode: 1 }, [0, 0, 0, 0]],
    ['padding', 6, { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }, [1, 1, 2, 2]],
    ['sides that differ', 5, { kernel_shape: [2, 3], strides: [2, 2], pads: [0, 1, 0, 1], ceil_mode: 1 }, [0, 1, 1, 1]],
    ['no ceil_mode', 5, { ...window, pads: [0, 1, 1, 0] }, [0, 1, 1, 0]],
  ])('with %s have no ceil_mode, but padding at the end', (_name, size, attributes, pads) => {
    const { kernel_shape, strides } = attributes;
    expect(poolOf('MaxPool', size, attributes)).toEqual([['MaxPool', { kernel_shape, strides, pads }]]);
    expect(poolOf('AveragePool', size, attributes)).toEqual([
      ['AveragePool', { kernel_shape, strides, pads, count_include_pad: 0 }],
    ]);
  });

  it.each([
    ['without padding', 5, { ...window, ceil_mode: 1 }, [0, 0, 1, 1], 0],
    ['with full windows', 6, { kernel_shape: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1 }, [1, 1, 1, 1], 1],
  ])('that count padding are one node %s', (_name, size, attributes, pads, counted) => {
    expect(poolOf('AveragePool', size, { ...attributes, count_include_pad: 1 })).toEqual([
      ['AveragePool', expect.objectContaining({ pads, count_include_pad: counted })],
    ]);
  });

  it('that count padding in windows that are not full get it as zeros before', () => {
    const attributes = {
      kernel_shape: [3, 3],
      strides: [2, 2],
      pads: [1, 1, 1, 1],
      ceil_mode: 1,
      count_include_pad: 1,
    };
    expect(poolOf('AveragePool', 6, attributes)).toEqual([
      ['Pad', {}],
      ['AveragePool', { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 1, 1], count_include_pad: 0 }],
    ]);
    const { nodes, tensors } = nodesOf([{ name: 'pool', op: 'AveragePool', inputs: ['input'], attributes }]);
    const [padding, pool] = nodes;
    expect(padding.inputs).toEqual(['input', 'pool.pads']);
    expect(pool.inputs).toEqual(padding.outputs);
    const { raw, dims, type } = tensors.find(({ name }) => name === 'pool.pads')!;
    expect({ dims, type }).toEqual({ dims: [8], type: 'int64' });
    expect([...new BigInt64Array(raw.buffer)].map(Number)).toEqual([0, 0, 1, 1, 0, 0, 1, 1]);
  });
});

describe('names', () => {
  it('that a node shares with a parameter stay with the parameter', () => {
    const { nodes, tensors } = nodesOf([
      { name: 'a', op: 'Conv', inputs: ['input'], attributes: { out_channels: 2, kernel_shape: [1, 1] } },
      { name: 'a.weight', op: 'Relu', inputs: ['a'] },
      { name: 'a.weight_', op: 'Relu', inputs: ['a.weight'] },
      { name: 'c', op: 'Clip', inputs: ['a.weight_'], attributes: { min: 0, max: 1 } },
      { name: 'c.min', op: 'Relu', inputs: ['c'] },
    ]);
    const values = ['input', ...nodes.flatMap(({ outputs }) => outputs), ...tensors.map(({ name }) => name)];
    expect(new Set(values).size).toBe(values.length);
    expect(nodes.map(({ inputs, outputs }) => [inputs[0], outputs])).toEqual([
      ['input', ['a']],
      ['a', ['a.weight__']],
      ['a.weight__', ['a.weight_']],
      ['a.weight_', ['c']],
      ['c', ['c.min']],
    ]);
    expect(nodes[3].inputs).toEqual(['a.weight_', 'c.min_', 'c.max']);
    expect(tensors.map(({ name }) => name)).toContain('a.weight');
  });

  it('of the output follow it', () => {
    const spec = smallSpec((changed) => {
      changed.nodes.push({ name: 'fc.bias', op: 'Dropout', inputs: ['fc'] });
      changed.output = 'fc.bias';
    });
    const { outputs, nodes } = written(validateSpec(spec, 'test')).graph;
    expect(outputs).toEqual([{ name: 'fc.bias_', type: 1, dims: ['batch', 3] }]);
    expect(nodes[nodes.length - 1].outputs).toEqual(['fc.bias_']);
  });
});

describe('what cannot be written', () => {
  it('is a parameter that is not given, by name', () => {
    expect(() => writeOnnx(smallSpec(), new Map())).toThrow(/conv\.weight is missing/);
  });

  it('is a tensor of another length', () => {
    const tensors = tensorsOf(smallSpec()).set('fc.bias', { data: new Float32Array(4) });
    expect(() => writeOnnx(smallSpec(), tensors)).toThrow(InternalError);
    expect(() => writeOnnx(smallSpec(), tensors)).toThrow('fc.bias needs 3 values but has 4');
  });

  it('is a network past the 2 GiB of protobuf, before it asks for its weights', () => {
    const spec = smallSpec(({ nodes }) => {
      nodes[nodes.length - 1].attributes = { out_features: 2 ** 24 };
    });
    const write = (): unknown => writeOnnx(spec, new Map());
    expect(write).toThrow(SpecError);
    expect(write).toThrow(/2 GiB/);
  });
});
