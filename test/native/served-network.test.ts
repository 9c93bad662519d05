/** Every network of models/ as it is served, against the same network's own forward pass, at several densities. */
import { afterEach, describe, expect, it } from 'vitest';
import { tensorsOf } from '../../lib/bench/serve/variants.js';
import { openOnnxruntime } from '../../lib/bench/serve/contenders.js';
import { DeviceError, UsageError } from '../../lib/errors.js';
import { listModels, loadSpec, toGraph, toNormalization } from '../../lib/models/index.js';
import type { Graph } from '../../lib/native/addon.js';
import { ServedNetwork } from '../../lib/native/served-network.js';
import { Session } from '../../lib/native/session.js';
import { uniform } from './support/formula.js';

const TOLERANCE = 1e-4;
/** Half a gigabyte of weights, and no operator that the others lack. */
const LARGE = ['vgg16', 'caffenet', 'bvlc_alexnet'];

function relative(values: Float32Array, expected: Float32Array): number {
  const scale = Math.max(...expected.map(Math.abs));
  return Math.max(...values.map((value, index) => Math.abs(value - expected[index]))) / scale;
}

describe.each(listModels())('%s served', (name) => {
  const disposals: { dispose(): Promise<void> }[] = [];
  afterEach(async () => {
    for (const item of disposals.splice(0)) await item.dispose();
  });

  it.each(LARGE.includes(name) ? [0.1, 0.02] : [1, 0.3, 0.05])(
    "gives the network's own logits with %f of its weights, in either form",
    async (density) => {
      const spec = loadSpec(name);
      const tensors = tensorsOf(spec, { name: 'test', density }, 3);
      const plain = Object.fromEntries([...tensors].map(([key, { data }]) => [key, data]));
      const graph = toGraph(spec);
      const normalization = toNormalization(spec);
      const session = await Session.create({ graph, normalization, device: 'cpu', threads: 2, precision: 'fp32', seed: 0 });
      disposals.push(session);
      await session.setTensors({ role: 'parameter', tensors: plain });
      const { channels, size } = spec.input;
      const shape: [number, number, number, number] = [2, channels, size, size];
      const pixels = uniform('images', 2 * channels * size * size, 1);
      const expected = await session.forward({ pixels, shape });
      for (const forms of ['dense', 'winograd', 'sparse', 'merged', 'columns'] as const) {
        const network = await ServedNetwork.create({ graph, device: 'cpu', tensors: plain, threads: 2, largestBatch: 2, forms, kernels: 'best' });
        disposals.push(network);
        const { logits } = await network.run({ pixels, shape, normalization });
        expect(relative(logits, expected.logits)).toBeLessThan(TOLERANCE);
      }
    },
    240_000,
  );
});

it('refuses a device that is not there, and a word that names none', async () => {
  const spec = loadSpec('lenet5');
  const serve = (device: string) =>
    ServedNetwork.create({
      graph: toGraph(spec),
      device,
      tensors: Object.fromEntries([...tensorsOf(spec, { name: 'test', density: 1 }, 3)].map(([key, { data }]) => [key, data])),
      threads: 1,
      largestBatch: 1,
      forms: 'measured',
      kernels: 'best',
    });
  await expect(serve('cuda:99')).rejects.toThrow(DeviceError);
  await expect(serve('gpu')).rejects.toThrow(UsageError);
});

it('calls planes past all memory a fault of the spec, as a session does', async () => {
  const graph: Graph = {
    input: { channels: 1, height: 4, width: 4 },
    nodes: [
      { name: 'huge', op: 'Conv', inputs: ['input'], attributes: { out_channels: 1, kernel_shape: [3, 3], pads: [6000, 6000, 6000, 6000], bias: 0 } },
      { name: 'mean', op: 'GlobalAveragePool', inputs: ['huge'], attributes: {} },
      { name: 'flat', op: 'Flatten', inputs: ['mean'], attributes: { axis: 1 } },
    ],
    output: 'flat',
    head: '',
    classes: 1,
  };
  const serve = (weights: number) =>
    ServedNetwork.create({
      graph,
      device: 'cpu',
      tensors: { 'huge.weight': new Float32Array(weights) },
      threads: 1,
      largestBatch: 1,
      forms: 'dense',
      kernels: 'best',
    });
  await expect(serve(9)).rejects.toMatchObject({ code: 'E_SPEC', message: expect.stringContaining('node huge') as string });
  await expect(serve(8)).rejects.toMatchObject({ code: 'E_SPEC', message: expect.stringContaining('huge.weight') as string });
});

describe('the ONNX form of a spec', () => {
  it.each(['lenet5', 'squeezenet1_1', 'resnet18', 'mobilenet_v2'])(
    'gives onnxruntime the same logits: %s',
    async (name) => {
      const spec = loadSpec(name);
      const tensors = tensorsOf(spec, { name: 'test', density: 1 }, 3);
      const { channels, size } = spec.input;
      const shape: [number, number, number, number] = [1, channels, size, size];
      const pixels = uniform('images', channels * size * size, 1);
      const other = await openOnnxruntime(spec, tensors, 2);
      const logits = await other.run(pixels, shape);
      await other.dispose();
      const plain = Object.fromEntries([...tensors].map(([key, { data }]) => [key, data]));
      await using network = await ServedNetwork.create({
        graph: toGraph(spec),
        device: 'cpu',
        tensors: plain,
        threads: 2,
        largestBatch: 1,
        forms: 'dense',
        kernels: 'best',
      });
      const own = await network.run({ pixels, shape, normalization: toNormalization(spec) });
      expect(relative(own.logits, logits)).toBeLessThan(TOLERANCE);
    },
    240_000,
  );
});
