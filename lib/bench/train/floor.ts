/**
 * The least time a masked training step could take on a machine: its arithmetic at the rate of the fastest of its own layers, and
 * one pass over the weights at the rate of copying. Activations' traffic is left out, so no step reaches it quite.
 */
import { InternalError } from '../../errors.js';
import { elementsOf, inferShapes, type ModelSpec, parameterShapes, topologicalOrder } from '../../models/index.js';
import { attributesOf } from '../../models/shapes.js';
import { listOf, numberOf } from '../../models/operators.js';

/** A convolution or linear layer with its work in one training step. */
export interface LayerWork {
  name: string;
  kind: 'conv' | 'gemm';
  /** [batch, channels, height, width] or [batch, features]. */
  input: number[];
  weight: number[];
  strides: number[];
  pads: number[];
  dilations: number[];
  group: number;
  /** False where nothing before the layer is trained: then nobody needs that gradient. */
  inputGradient: boolean;
  /** Multiplications and additions of forward and backward. */
  flops: number;
}

/**
 * Bytes a pass moves for each weight that can be pruned: gradient, shadow, momentum and mask read; shadow, momentum, parameter and
 * mask written. A mask is one byte.
 */
const BYTES_PER_PRUNABLE = 3 * 4 + 1 + (3 * 4 + 1);
/** For each other trained number: gradient, momentum and value read, momentum and value written. */
const BYTES_PER_OTHER = 5 * 4;

/** Layers whose rate is measured. */
const MEASURED_LAYERS = 4;

/** The work of every convolution and linear layer on a batch. */
export function layerWork(spec: ModelSpec, batchSize: number): LayerWork[] {
  const shapes = inferShapes(spec);
  const shapeOf = (name: string): number[] => {
    const shape = shapes.get(name);
    if (shape === undefined) throw new InternalError(`no shape of ${name}`);
    return shape;
  };
  const weights = new Map(parameterShapes(spec).map(({ name, shape }) => [name, shape]));
  const trained = new Set<string>();
  const work: LayerWork[] = [];
  for (const node of topologicalOrder(spec)) {
    const inputGradient = node.inputs.some((name) => trained.has(name));
    const weight = weights.get(`${node.name}.weight`);
    if (inputGradient || weight !== undefined) trained.add(node.name);
    if (weight === undefined || (node.op !== 'Conv' && node.op !== 'Gemm')) continue;
    const attributes = attributesOf(node);
    const conv = node.op === 'Conv';
    const output = shapeOf(node.name);
    const positions = conv ? output[1] * output[2] : 1;
    const forward = 2 * batchSize * positions * elementsOf(weight);
    work.push({
      name: node.name,
      kind: conv ? 'conv' : 'gemm',
      input: [batchSize, ...shapeOf(node.inputs[0])],
      weight,
      strides: conv ? listOf(attributes, 'strides') : [],
      pads: conv ? listOf(attributes, 'pads').slice(0, 2) : [],
      dilations: conv ? listOf(attributes, 'dilations') : [],
      group: conv ? numberOf(attributes, 'group') : 1,
      inputGradient,
      // Forward, the weights' gradient, and the input's where somebody needs it: as many operations each.
      flops: forward * (inputGradient ? 3 : 2),
    });
  }
  return work;
}

/** Arithmetic of a step, FLOP. */
export function stepFlops(work: readonly LayerWork[]): number {
  return work.reduce((sum, { flops }) => sum + flops, 0);
}

/** Bytes that one pass over all weights reads and writes when every mask is refreshed. */
export function stepBytes(spec: ModelSpec): number {
  const prunable = new Set(layerWork(spec, 1).map(({ name }) => `${name}.weight`));
  let bytes = 0;
  for (const { name, kind, shape } of parameterShapes(spec)) {
    if (kind === 'running_mean' || kind === 'running_var') continue;
    bytes += elementsOf(shape) * (prunable.has(name) ? BYTES_PER_PRUNABLE : BYTES_PER_OTHER);
  }
  return bytes;
}

/** The layers with the most work, no two of the same shapes. */
export function dominatingLayers(work: readonly LayerWork[], count = MEASURED_LAYERS): LayerWork[] {
  const seen = new Set<string>();
  return [...work]
    .sort((one, other) => other.flops - one.flops)
    .filter(({ input, weight }) => {
      const shapes = JSON.stringify([input, weight]);
      return !seen.has(shapes) && seen.add(shapes);
    })
    .slice(0, count);
}

/** Seconds. Rates in FLOP/s and bytes (read and written) a second. */
export function floorSeconds(flops: number, bytes: number, rates: { arithmetic: number; copy: number }): number {
  return flops / rates.arithmetic + bytes / rates.copy;
}
