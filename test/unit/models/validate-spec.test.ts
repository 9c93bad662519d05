import { describe, expect, it } from 'vitest';
import { SpecError } from '../../../lib/errors.js';
import { type ModelNode, type ModelSpec, toGraph, validateSpec } from '../../../lib/models/index.js';
import { smallSpec } from './support.js';

/** The error a spec gives. */
function errorOf(json: unknown): SpecError {
  try {
    validateSpec(json, 'mine.json');
  } catch (error) {
    if (error instanceof SpecError) return error;
    throw error;
  }
  throw new Error('the spec was accepted');
}

function node(spec: ModelSpec, name: string): ModelNode & { attributes: Record<string, number | number[]> } {
  const found = spec.nodes.find((entry) => entry.name === name)!;
  found.attributes ??= {};
  return found as ModelNode & { attributes: Record<string, number | number[]> };
}

describe('validateSpec', () => {
  it('keeps what is given, and toGraph fills in the defaults', () => {
    const spec = validateSpec(JSON.parse(JSON.stringify(smallSpec())), 'mine.json');
    expect(spec).toEqual(smallSpec());
    expect(toGraph(spec).nodes[0].attributes).toEqual({
      out_channels: 4,
      kernel_shape: [3, 3],
      pads: [1, 1, 1, 1],
      strides: [1, 1],
      dilations: [1, 1],
      group: 1,
      bias: 1,
    });
  });

  it('accepts nodes in any order', () => {
    expect(
      validateSpec(
        smallSpec((spec) => spec.nodes.reverse()),
        'mine.json',
      ).nodes,
    ).toHaveLength(6);
  });

  const wrong: [string, (spec: ModelSpec) => void, string | undefined, RegExp][] = [
    [
      'an unknown operator',
      (s) => Object.assign(node(s, 'relu'), { op: 'Gelu' }),
      'relu',
      /unknown operator "Gelu"; known: Conv/,
    ],
    [
      'the name of an object property as operator',
      (s) => Object.assign(node(s, 'relu'), { op: 'constructor' }),
      'relu',
      /unknown operator/,
    ],
    ['a cycle', (s) => (node(s, 'conv').inputs = ['pool']), 'bn', /cycle/],
    ['a node that reads itself', (s) => (node(s, 'relu').inputs = ['relu']), 'relu', /cycle/],
    ['a missing input', (s) => (node(s, 'pool').inputs = ['nothing']), 'pool', /its input "nothing" does not exist/],
    ['a duplicated name', (s) => (node(s, 'relu').name = 'bn'), 'bn', /same name/],
    ['a node called input', (s) => (node(s, 'relu').name = 'input'), 'input', /cannot name a node/],
    ['too few inputs', (s) => (node(s, 'relu').inputs = []), 'relu', /takes 1 input/],
    ['Gemm without Flatten', (s) => (node(s, 'fc').inputs = ['pool']), 'fc', /put a Flatten before it/],
    [
      'Conv behind Flatten',
      (s) =>
        s.nodes.push({
          name: 'late',
          op: 'Conv',
          inputs: ['flatten'],
          attributes: { out_channels: 1, kernel_shape: [1, 1] },
        }),
      'late',
      /expects an image/,
    ],
    [
      'Add of different shapes',
      (s) => s.nodes.push({ name: 'sum', op: 'Add', inputs: ['pool', 'relu'] }),
      'sum',
      /4x3x3 and 4x6x6/,
    ],
    [
      'Concat of different heights',
      (s) => s.nodes.push({ name: 'both', op: 'Concat', inputs: ['pool', 'relu'] }),
      'both',
      /differ in more than channels/,
    ],
    [
      'a window larger than its input',
      (s) => (node(s, 'pool').attributes['kernel_shape'] = [9, 9]),
      'pool',
      /larger than its padded input/,
    ],
    [
      'pads of more than half the window',
      (s) => (node(s, 'pool').attributes['pads'] = [2, 0, 0, 0]),
      'pool',
      /at most half/,
    ],
    ['groups that do not divide', (s) => (node(s, 'conv').attributes['group'] = 3), 'conv', /does not divide/],
    [
      'a missing attribute',
      (s) => delete node(s, 'conv').attributes['out_channels'],
      'conv',
      /needs the attribute "out_channels"/,
    ],
    ['an unknown attribute', (s) => (node(s, 'conv').attributes['kernel'] = [3, 3]), 'conv', /unknown field "kernel"/],
    [
      'a negative attribute',
      (s) => (node(s, 'conv').attributes['out_channels'] = -4),
      'conv',
      /whole number .* for out_channels but received -4/,
    ],
    ['a NaN attribute', (s) => (node(s, 'conv').attributes['out_channels'] = NaN), 'conv', /received NaN/],
    [
      'a fraction where a whole number belongs',
      (s) => (node(s, 'conv').attributes['strides'] = [1, 1.5]),
      'conv',
      /strides\[1\] but received 1.5/,
    ],
    [
      'a list of the wrong length',
      (s) => (node(s, 'conv').attributes['pads'] = [1, 1]),
      'conv',
      /expected 4 numbers for pads but received 2/,
    ],
    [
      'a number too large to be a size',
      (s) => (node(s, 'conv').attributes['out_channels'] = 1e10),
      'conv',
      /out_channels/,
    ],
    [
      'a tensor too large to be one',
      (s) => (node(s, 'fc').attributes['out_features'] = 2 ** 31 - 1),
      'fc',
      /too large/,
    ],
    [
      'a dropout of everything',
      (s) => s.nodes.push({ name: 'drop', op: 'Dropout', inputs: ['fc'], attributes: { ratio: 1 } }),
      'drop',
      /\[0, 1\) for ratio/,
    ],
    [
      'Clip upside down',
      (s) => s.nodes.push({ name: 'clip', op: 'Clip', inputs: ['fc'], attributes: { min: 6, max: 0 } }),
      'clip',
      /min 6 is above max 0/,
    ],
    [
      'an even LRN window',
      (s) => s.nodes.push({ name: 'norm', op: 'LRN', inputs: ['pool'], attributes: { size: 4 } }),
      'norm',
      /odd/,
    ],
    [
      'a node nobody uses',
      (s) => s.nodes.push({ name: 'idle', op: 'Relu', inputs: ['fc'] }),
      'idle',
      /nothing on the way to the output/,
    ],
    ['an output that does not exist', (s) => (s.output = 'logits'), 'logits', /named as output/],
    ['a head that does not exist', (s) => (s.head = 'top'), 'top', /named as head/],
    ['a head without weights', (s) => (s.head = 'relu'), 'relu', /must be a Conv or a Gemm/],
    ['a head that is not the last layer', (s) => (s.head = 'conv'), 'conv', /4 outputs but the network 3 classes/],
    [
      'an output that is an image',
      (s) => {
        s.nodes.splice(4);
        s.output = 'pool';
        s.head = 'conv';
      },
      'pool',
      /must be flat/,
    ],
    [
      'Softmax as output',
      (s) => {
        s.nodes.push({ name: 'prob', op: 'Softmax', inputs: ['fc'] });
        s.output = 'prob';
      },
      'prob',
      /must be the logits/,
    ],
    ['an image larger than the picture it is cut from', (s) => (s.input.resize = 5), undefined, /resize 5 is smaller/],
    ['a mean a channel too many', (s) => (s.input.mean = [0, 0]), undefined, /expected 1 numbers for input.mean/],
    [
      'a standard deviation of 0',
      (s) => (s.input.std = [0]),
      undefined,
      /finite number above 0 for input.std\[0\] but received 0/,
    ],
    [
      'colour order and channels that differ',
      (s) => Object.assign(s.input, { channelOrder: 'RGB' }),
      undefined,
      /needs 3 channels/,
    ],
    ['an unknown field', (s) => Object.assign(s, { layers: [] }), undefined, /unknown field "layers"/],
    ['no nodes', (s) => (s.nodes = []), undefined, /1 to 100000 nodes/],
  ];

  it.each(wrong)('refuses %s, naming the node', (_, change, name, message) => {
    const error = errorOf(smallSpec(change));
    expect(error.message).toMatch(message);
    expect(error.message).toMatch(/^mine\.json: /);
    expect(error.message).not.toMatch(/\n/);
    expect(error.node).toBe(name);
    if (name !== undefined) expect(error.message).toContain(`"${name}"`);
  });

  it.each([null, 3, 'text', [], {}])('refuses %j as a spec', (json) => {
    expect(errorOf(json).code).toBe('E_SPEC');
  });

  it('takes a chain of ten thousand nodes', () => {
    const spec = smallSpec((s) => {
      for (let i = 0; i < 10_000; i++)
        s.nodes.push({ name: `r${i}`, op: 'Relu', inputs: [i === 0 ? 'fc' : `r${i - 1}`] });
      s.output = 'r9999';
      s.nodes.reverse();
    });
    expect(validateSpec(spec, 'mine.json').nodes).toHaveLength(10_006);
  });
});
