/**
 * The operators a spec may use: the attributes each takes, and the shape it gives. ONNX names and semantics
 * (https://onnx.ai/onnx/operators/), shapes without the batch: [channels, height, width], or [features] after Flatten.
 */
import type { OperatorName } from './spec-types.js';

/** Every attribute of a node, defaults filled in. */
export type Attributes = Record<string, number | number[]>;

/** What one attribute may hold. `length` is there for lists; without `default` the attribute must be given. */
export interface AttributeRule {
  integer: boolean;
  length?: number;
  min: number;
  max: number;
  /** Whether `min` and `max` themselves are allowed. */
  open?: 'min' | 'max' | 'both';
  default?: number | number[];
}

export interface Operator {
  /** Fewest and most inputs. */
  inputs: [number, number];
  attributes: Record<string, AttributeRule>;
  /** Output shape. Calls `fail` with what was expected and what was met where the inputs do not fit. */
  shape: (inputs: number[][], attributes: Attributes, fail: (message: string) => never) => number[];
}

/** Largest whole number an attribute may hold: what libtorch's 32-bit kernels index. */
const LARGEST = 2 ** 31 - 1;

const flag = (value: 0 | 1): AttributeRule => ({ integer: true, min: 0, max: 1, default: value });
const count: AttributeRule = { integer: true, min: 1, max: LARGEST };
const pair = (value?: number): AttributeRule => ({
  integer: true,
  length: 2,
  min: 1,
  max: LARGEST,
  ...(value === undefined ? {} : { default: [value, value] }),
});
const pads: AttributeRule = { integer: true, length: 4, min: 0, max: LARGEST, default: [0, 0, 0, 0] };
const axis: AttributeRule = { integer: true, min: 1, max: 1, default: 1 };
const anyNumber = { integer: false, min: -Number.MAX_VALUE, max: Number.MAX_VALUE };

/** A number attribute; the rules above guarantee the kind. */
export function numberOf(attributes: Attributes, name: string): number {
  return attributes[name] as number;
}

/** A list attribute; the rules above guarantee the kind. */
export function listOf(attributes: Attributes, name: string): number[] {
  return attributes[name] as number[];
}

/** "64x27x27", for messages. */
export function shapeText(shape: readonly number[]): string {
  return shape.length === 0 ? 'a single number' : shape.join('x');
}

function image(inputs: number[][], fail: (message: string) => never): [number, number, number] {
  const shape = inputs[0];
  if (shape.length !== 3) fail(`expects an image [channels, height, width] but receives ${shapeText(shape)}`);
  return shape as [number, number, number];
}

/** Extent of a sliding window's output along one axis, as ONNX (opset 19) and PyTorch count it. */
function slide(size: number, window: number, stride: number, before: number, after: number, ceil: boolean): number {
  const steps = (size + before + after - window) / stride;
  const extent = (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
  // A window that would start in the padding behind the image is not there.
  return ceil && (extent - 1) * stride >= size + before ? extent - 1 : extent;
}

function slidingShape(
  shape: [number, number, number],
  attributes: Attributes,
  windows: number[],
  fail: (message: string) => never,
): [number, number] {
  const strides = listOf(attributes, 'strides');
  const padding = listOf(attributes, 'pads');
  const ceil = attributes['ceil_mode'] === 1;
  const extents = [0, 1].map((a) => slide(shape[a + 1], windows[a], strides[a], padding[a], padding[a + 2], ceil)) as [
    number,
    number,
  ];
  if (extents.some((extent) => !(extent >= 1))) {
    fail(`its ${shapeText(windows)} window is larger than its padded input ${shapeText(shape)}`);
  }
  return extents;
}

const pooling: Operator = {
  inputs: [1, 1],
  attributes: { kernel_shape: pair(), strides: pair(1), pads, ceil_mode: flag(0), count_include_pad: flag(0) },
  shape: (inputs, attributes, fail) => {
    const shape = image(inputs, fail);
    const kernel = listOf(attributes, 'kernel_shape');
    // Twice the padding must fit the window (libtorch's own limit), else a window could see nothing but padding.
    listOf(attributes, 'pads').forEach((pad, i) => {
      if (pad * 2 > kernel[i % 2])
        fail(`pads must be at most half of kernel_shape ${shapeText(kernel)} but holds ${pad}`);
    });
    return [shape[0], ...slidingShape(shape, attributes, kernel, fail)];
  },
};

const unchanged: Operator = { inputs: [1, 1], attributes: {}, shape: (inputs) => inputs[0] };

/** The table. A spec's operator outside it is refused. */
export const OPERATORS: Record<OperatorName, Operator> = {
  Conv: {
    inputs: [1, 1],
    attributes: {
      out_channels: count,
      kernel_shape: pair(),
      strides: pair(1),
      pads,
      dilations: pair(1),
      group: { ...count, default: 1 },
      bias: flag(1),
    },
    shape: (inputs, attributes, fail) => {
      const shape = image(inputs, fail);
      const group = numberOf(attributes, 'group');
      const out = numberOf(attributes, 'out_channels');
      if (shape[0] % group !== 0) fail(`group ${group} does not divide its ${shape[0]} input channels`);
      if (out % group !== 0) fail(`group ${group} does not divide its ${out} output channels`);
      const dilations = listOf(attributes, 'dilations');
      const windows = listOf(attributes, 'kernel_shape').map((extent, a) => (extent - 1) * dilations[a] + 1);
      return [out, ...slidingShape(shape, attributes, windows, fail)];
    },
  },
  Gemm: {
    inputs: [1, 1],
    attributes: { out_features: count, bias: flag(1) },
    shape: (inputs, attributes, fail) => {
      if (inputs[0]?.length !== 1) {
        fail(`expects flat features but receives ${shapeText(inputs[0] ?? [])}; put a Flatten before it`);
      }
      return [numberOf(attributes, 'out_features')];
    },
  },
  Relu: unchanged,
  Clip: {
    inputs: [1, 1],
    attributes: { min: anyNumber, max: anyNumber },
    shape: (inputs, attributes, fail) => {
      const [low, high] = [numberOf(attributes, 'min'), numberOf(attributes, 'max')];
      if (low > high) fail(`min ${low} is above max ${high}`);
      return inputs[0];
    },
  },
  MaxPool: pooling,
  AveragePool: pooling,
  GlobalAveragePool: { inputs: [1, 1], attributes: {}, shape: (inputs, _, fail) => [image(inputs, fail)[0], 1, 1] },
  LRN: {
    inputs: [1, 1],
    attributes: {
      size: count,
      alpha: { integer: false, min: 0, max: Number.MAX_VALUE, default: 1e-4 },
      beta: { integer: false, min: 0, max: Number.MAX_VALUE, default: 0.75 },
      bias: { integer: false, min: 0, max: Number.MAX_VALUE, default: 1 },
    },
    shape: (inputs, attributes, fail) => {
      const size = numberOf(attributes, 'size');
      // ONNX and libtorch centre an even window differently; an odd one means the same everywhere.
      if (size % 2 === 0) fail(`size must be odd but is ${size}`);
      return image(inputs, fail);
    },
  },
  BatchNormalization: {
    inputs: [1, 1],
    attributes: {
      epsilon: { integer: false, min: 0, max: 1, open: 'min', default: 1e-5 },
      momentum: { integer: false, min: 0, max: 1, default: 0.9 },
    },
    shape: (inputs) => inputs[0],
  },
  Add: {
    inputs: [2, 2],
    attributes: {},
    shape: (inputs, _, fail) => {
      const [left, right] = inputs as [number[], number[]];
      if (shapeText(left) !== shapeText(right)) fail(`adds ${shapeText(left)} and ${shapeText(right)}, which differ`);
      return left;
    },
  },
  Concat: {
    inputs: [2, 1024],
    attributes: { axis },
    shape: (inputs, _, fail) => {
      const [first, ...others] = inputs as [number[], ...number[][]];
      for (const other of others) {
        if (other.length !== first.length || shapeText(other.slice(1)) !== shapeText(first.slice(1))) {
          fail(`joins ${shapeText(first)} and ${shapeText(other)}, which differ in more than channels`);
        }
      }
      return [inputs.reduce((sum, shape) => sum + shape[0], 0), ...first.slice(1)];
    },
  },
  Flatten: { inputs: [1, 1], attributes: { axis }, shape: (inputs) => [inputs[0].reduce((a, b) => a * b, 1)] },
  Dropout: {
    inputs: [1, 1],
    attributes: { ratio: { integer: false, min: 0, max: 1, open: 'max', default: 0.5 } },
    shape: (inputs) => inputs[0],
  },
  Softmax: unchanged,
};

/** Whether a name is one of the operators. */
export function isOperator(name: string): name is OperatorName {
  return Object.hasOwn(OPERATORS, name);
}
