/** Networks served on a CUDA device beside ones on the CPU: values, forms, memory. What the kernels compute is test/cpp's business. */
import { describe, expect, it } from 'vitest';
import { tensorsOf } from '../../lib/bench/serve/variants.js';
import { OutOfMemoryError, UsageError } from '../../lib/errors.js';
import { loadSpec, toGraph, toNormalization } from '../../lib/models/index.js';
import type { ServedNetworkOptions } from '../../lib/native/addon.js';
import { ServedNetwork } from '../../lib/native/served-network.js';
import { uniform } from '../native/support/formula.js';
import { lacking, onGpu } from './devices.js';

type Given = Partial<ServedNetworkOptions> & { name: string; density: number };

function open({ name, density, ...options }: Given): Promise<ServedNetwork> {
  const spec = loadSpec(name);
  const values = tensorsOf(spec, { name: 'test', density }, 3);
  return ServedNetwork.create({
    graph: toGraph(spec),
    device: 'cuda:0',
    tensors: Object.fromEntries([...values].map(([key, { data }]) => [key, data])),
    threads: 2,
    largestBatch: 8,
    forms: 'measured',
    kernels: 'best',
    ...options,
  });
}

/** Logits of the same images each time. */
async function logitsOf(network: ServedNetwork, name: string, images: number): Promise<Float32Array> {
  const spec = loadSpec(name);
  const { channels, size } = spec.input;
  const pixels = uniform('images', images * channels * size * size, 1);
  const { logits } = await network.run({
    pixels,
    shape: [images, channels, size, size],
    normalization: toNormalization(spec),
  });
  return logits;
}

describe.skipIf(lacking !== null)(`a served network ${onGpu}`, () => {
  it.each(['lenet5', 'squeezenet1_1', 'resnet18', 'mobilenet_v2', 'alexnet'])(
    '%s gives the logits that it gives on the CPU, in either form, for any number of images',
    async (name) => {
      for (const density of [0.3, 0.02]) {
        await using onCpu = await open({ name, density, device: 'cpu', forms: 'dense' });
        const expected = await logitsOf(onCpu, name, 10);
        const scale = Math.max(...expected.map(Math.abs));
        for (const forms of ['dense', 'sparse', 'measured'] as const) {
          await using network = await open({ name, density, forms });
          for (const images of [1, 3, 10]) {
            const logits = await logitsOf(network, name, images);
            const differences = logits.map((value, index) => Math.abs(value - expected[index]));
            // Winograd's filtering, which cuDNN may take, errs more than a sum.
            expect(Math.max(...differences) / scale).toBeLessThan(1e-3);
          }
        }
      }
    },
  );

  it('keeps what has no zeros dense, and says which layers skip theirs and what memory they take', async () => {
    await using full = await open({ name: 'alexnet', density: 1 });
    for (const { single, batched } of full.describe().layers) expect([single, batched]).toEqual(['dense', 'dense']);
    await using sparse = await open({ name: 'alexnet', density: 0.02, forms: 'sparse' });
    const { layers, bytes } = sparse.describe();
    for (const { single, batched } of layers) expect([single, batched]).toEqual(['sparse', 'sparse']);
    expect(layers).toHaveLength(8);
    expect(bytes).toBeLessThan(full.describe().bytes / 2);
  });

  it('has no forms of the CPU, and refuses a batch that no memory holds without harm', async () => {
    const winograd = open({ name: 'lenet5', density: 0.1, forms: 'winograd' });
    await expect(winograd).rejects.toThrow(UsageError);
    // What its first convolution gives would take 800 GB.
    const tooMuch = open({ name: 'vgg16', density: 0.02, largestBatch: 65_536, forms: 'dense' });
    await expect(tooMuch).rejects.toThrow(OutOfMemoryError);
    await using network = await open({ name: 'lenet5', density: 0.1 });
    expect(await logitsOf(network, 'lenet5', 3)).toHaveLength(30);
  });
});
