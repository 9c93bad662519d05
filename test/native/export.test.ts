/** What `export` writes of model files: onnxruntime computes from it what this package computes from the model file. */
import { createHash } from 'node:crypto';
import { readFileSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { tensorsOf } from '../../lib/bench/serve/variants.js';
import { ModelFileError, UsageError } from '../../lib/errors.js';
import { exportModel, loadModel, pack, unpack } from '../../lib/index.js';
import {
  classCount,
  listModels,
  loadSpec,
  readWeights,
  validateSpec,
  writeModelFile,
  type ModelNode,
  type ModelSpec,
} from '../../lib/models/index.js';
import { readOnnx } from '../unit/models/onnx-reader.js';
import { temporaryFolder } from '../unit/models/support.js';
import { relativeError, uniform } from './support/formula.js';

const TOLERANCE = 1e-4;
/** A quarter of a gigabyte of weights and more, and no operator that the others and the chains below lack. */
const LARGE = ['alexnet', 'bvlc_alexnet', 'caffenet', 'vgg16'];

/** A model file with a third of the weights. */
async function writeModel(spec: ModelSpec): Promise<{ folder: string; path: string; labels: string[] }> {
  const folder = temporaryFolder();
  const path = join(folder, 'model.safetensors');
  const labels = Array.from({ length: classCount(spec) }, (_, index) => `class ${index}`);
  const tensors = tensorsOf(spec, { name: 'test', density: 0.3 }, 7);
  await writeModelFile(path, { spec, labels, tensors, provenance: null });
  return { folder, path, labels };
}

/** Names, shapes and bits of a file's tensors. */
async function digestsOf(path: string): Promise<unknown[]> {
  const { tensors } = await readWeights(path);
  return [...tensors].map(([name, { shape, data }]) => [name, shape, createHash('sha256').update(data).digest('hex')]);
}

/** |onnxruntime's logits - ours| / |ours| of two images. */
async function difference(model: string, onnx: string, { channels, size }: ModelSpec['input']): Promise<number> {
  const shape: [number, number, number, number] = [2, channels, size, size];
  const images = uniform('images', 2 * channels * size * size, 1);
  const own = await loadModel(model, { device: 'cpu', threads: 2, maxBatch: 2 });
  const session = await InferenceSession.create(onnx, { intraOpNumThreads: 2, logSeverityLevel: 3 });
  try {
    expect(session.inputNames).toEqual(['input']);
    const results = await session.run({ input: new Tensor('float32', images, shape) });
    const [output] = session.outputNames.map((name) => results[name].data as Float32Array);
    return relativeError(output, (await own.run(images, shape)).logits);
  } finally {
    await session.release();
    await own.dispose();
  }
}

describe('an exported model', () => {
  it.each(listModels().filter((name) => !LARGE.includes(name)))(
    'gives onnxruntime the logits of the model file: %s',
    { timeout: 240_000 },
    async (name) => {
      const spec = loadSpec(name);
      const { folder, path } = await writeModel(spec);
      const onnx = join(folder, 'model.onnx');
      const { zeros, bytes, bytesBefore } = await exportModel(path, onnx);
      expect(zeros).toBeGreaterThan(0);
      expect(bytesBefore).toBe(statSync(path).size);
      expect(bytes).toBeGreaterThan(2 * bytesBefore);
      expect(await difference(path, onnx, spec.input)).toBeLessThan(TOLERANCE);
    },
  );

  /** Nodes one after the other, from colour images of 13 x 13 to a classifier. */
  function chain(nodes: Omit<ModelNode, 'inputs'>[]): ModelSpec {
    const input = { channels: 3, size: 13, resize: 13, channelOrder: 'RGB', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };
    const all = [
      { name: 'conv', op: 'Conv', attributes: { out_channels: 4, kernel_shape: [3, 2], pads: [1, 0, 1, 1] } },
      ...nodes,
      { name: 'flat', op: 'Flatten' },
      { name: 'fc', op: 'Gemm', attributes: { out_features: 5, bias: 0 } },
    ];
    const wired = all.map((node, place) => ({ ...node, inputs: [place === 0 ? 'input' : all[place - 1].name] }));
    return validateSpec({ name: 'chain', input, nodes: wired, output: 'fc', head: 'fc' }, 'chain');
  }

  const pool = (op: 'MaxPool' | 'AveragePool', attributes: ModelNode['attributes']): Omit<ModelNode, 'inputs'> => ({
    name: 'pool',
    op,
    attributes,
  });
  const wide = { kernel_shape: [4, 4], strides: [2, 3], pads: [1, 1, 1, 1] };

  it.each<[string, Omit<ModelNode, 'inputs'>[]]>([
    ['a last window that is not full', [pool('MaxPool', { kernel_shape: [2, 2], strides: [2, 2], ceil_mode: 1 })]],
    ['one that would begin behind it', [pool('MaxPool', { kernel_shape: [2, 2], strides: [7, 5], ceil_mode: 1 })]],
    ['padding on one side', [pool('MaxPool', { ...wide, pads: [0, 1, 1, 0], ceil_mode: 1 })]],
    ['means of what is there', [pool('AveragePool', { ...wide, ceil_mode: 1 })]],
    ['means of padding', [pool('AveragePool', { ...wide, count_include_pad: 1 })]],
    ['means of padding, not full', [pool('AveragePool', { ...wide, ceil_mode: 1, count_include_pad: 1 })]],
    ['limits, and a node by a tensor\'s name', [
      { name: 'conv.weight', op: 'Clip', attributes: { min: -0.25, max: 1e300 } },
      { name: 'conv.weight.max', op: 'LRN', attributes: { size: 3, alpha: 0.5, beta: 0.6, bias: 2 } },
    ]],
    ['statistics of features, and a Softmax within', [
      { name: 'mean', op: 'GlobalAveragePool' },
      { name: 'list', op: 'Flatten' },
      { name: 'norm', op: 'BatchNormalization', attributes: { epsilon: 0.01 } },
      { name: 'drop', op: 'Dropout' },
      { name: 'soft', op: 'Softmax' },
    ]],
    ['a Softmax over channels', [{ name: 'soft', op: 'Softmax' }]],
  ])('gives them with %s', async (_name, nodes) => {
    const spec = chain(nodes);
    const { folder, path } = await writeModel(spec);
    const onnx = join(folder, 'model.onnx');
    await exportModel(path, onnx);
    expect(await difference(path, onnx, spec.input)).toBeLessThan(TOLERANCE);
  });

  it('brings labels and preprocessing along, in either format', async () => {
    const spec = loadSpec('lenet5');
    const { folder, path, labels } = await writeModel(spec);
    const [onnx, plain] = [join(folder, 'a.onnx'), join(folder, 'a.safetensors')];
    await exportModel(path, onnx);
    await exportModel(path, plain);
    for (const metadata of [
      Object.fromEntries(readOnnx(readFileSync(onnx)).metadata),
      (await readWeights(plain)).metadata,
    ]) {
      expect(JSON.parse(metadata['labels'] ?? '')).toEqual(labels);
      expect(JSON.parse(metadata['preprocessing'] ?? '')).toEqual(spec.input);
    }
  });

  it('is in .safetensors what unpack writes, and a network that was never tuned takes it', async () => {
    const spec = loadSpec('lenet5');
    const { folder, path } = await writeModel(spec);
    const [exported, unpacked] = [join(folder, 'a.safetensors'), join(folder, 'b.safetensors')];
    await exportModel(path, exported);
    await unpack(path, unpacked);
    const again = join(folder, 'again.safetensors');
    await exportModel({ model: 'lenet5', weights: exported }, again);
    const expected = await digestsOf(unpacked);
    expect(expected).toHaveLength(8);
    for (const file of [exported, again]) {
      expect((await readWeights(file)).format).toBe('safetensors');
      expect(await digestsOf(file)).toEqual(expected);
    }
  });
});

describe('export refuses', () => {
  it('weights that were packed, and takes them with their architecture', async () => {
    const { folder, path } = await writeModel(loadSpec('lenet5'));
    const [plain, packed] = [join(folder, 'plain.safetensors'), join(folder, 'packed.safetensors')];
    await exportModel(path, plain);
    await pack(plain, packed);
    const out = join(folder, 'out.onnx');
    const refused = exportModel(packed, out);
    await expect(refused).rejects.toThrow(ModelFileError);
    await expect(refused).rejects.toThrow(/weights that were packed.*--model NAME --weights FILE/);
    expect(await exportModel({ model: 'lenet5', weights: packed }, out)).toMatchObject({ architecture: 'lenet5' });
  });

  it('to write over the model file, and a model file that is damaged', async () => {
    const { path, folder } = await writeModel(loadSpec('lenet5'));
    const before = readFileSync(path);
    await expect(exportModel(path, path)).rejects.toThrow(UsageError);
    expect(readFileSync(path).equals(before)).toBe(true);
    truncateSync(path, before.length - 1000);
    await expect(exportModel(path, join(folder, 'out.onnx'))).rejects.toThrow(ModelFileError);
  });
});
