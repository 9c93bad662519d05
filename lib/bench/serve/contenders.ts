/** What answers the same question in `bench serve`: our served network, libtorch, onnxruntime. */

import type * as Onnxruntime from 'onnxruntime-node';
import { UsageError } from '../../errors.js';
import { toGraph, toNormalization, writeOnnx, type ModelSpec } from '../../models/index.js';
import type { ServedNetworkDescription } from '../../native/addon.js';
import { ServedNetwork } from '../../native/served-network.js';
import { Session } from '../../native/session.js';

export type Tensors = Map<string, { shape: number[]; data: Float32Array }>;

/** Runs one batch of normalised images. */
export interface Contender {
  name: 'onnxruntime' | 'libtorch' | 'dense' | 'finepune';
  /** Of what is not this package's. */
  version?: string | undefined;
  run(input: Float32Array, shape: [number, number, number, number]): Promise<Float32Array>;
  dispose(): Promise<void>;
}

/** One that says what it is made of. */
export interface ServedContender extends Contender {
  describe(): ServedNetworkDescription;
}

export async function openServed(
  spec: ModelSpec,
  tensors: Tensors,
  {
    device,
    threads,
    largestBatch,
    forms,
  }: { device: string; threads: number; largestBatch: number; forms: 'measured' | 'measured-dense' },
): Promise<ServedContender> {
  const network = await ServedNetwork.create({
    graph: toGraph(spec),
    device,
    tensors: Object.fromEntries([...tensors].map(([name, { data }]) => [name, data])),
    threads,
    largestBatch,
    forms,
    kernels: 'best',
  });
  const normalization = toNormalization(spec);
  return {
    name: forms === 'measured-dense' ? 'dense' : 'finepune',
    run: async (pixels, shape) => (await network.run({ pixels, shape, normalization })).logits,
    describe: () => network.describe(),
    dispose: () => network.dispose(),
  };
}

export async function openLibtorch(spec: ModelSpec, tensors: Tensors, threads: number): Promise<Contender> {
  const session = await Session.create({
    graph: toGraph(spec),
    normalization: toNormalization(spec),
    device: 'cpu',
    threads,
    precision: 'fp32',
    seed: 0,
  });
  await session.setTensors({
    role: 'parameter',
    tensors: Object.fromEntries([...tensors].map(([name, { data }]) => [name, data])),
  });
  return {
    name: 'libtorch',
    run: async (pixels, shape) => (await session.forward({ pixels, shape })).logits,
    dispose: () => session.dispose(),
  };
}

/** @throws UsageError where onnxruntime-node is not installed */
export async function openOnnxruntime(spec: ModelSpec, tensors: Tensors, threads: number): Promise<Contender> {
  const { InferenceSession, Tensor, env } = await importOnnxruntime();
  const session = await InferenceSession.create(writeOnnx(spec, tensors), {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    logSeverityLevel: 3,
  });
  return {
    name: 'onnxruntime',
    version: env.versions.node,
    run: async (input, shape) => {
      const results = await session.run({ input: new Tensor('float32', input, shape) });
      return results[session.outputNames[0]].data as Float32Array;
    },
    dispose: () => session.release(),
  };
}

async function importOnnxruntime(): Promise<typeof Onnxruntime> {
  try {
    return await import('onnxruntime-node');
  } catch (error) {
    throw new UsageError(
      'bench serve compares with onnxruntime-node, which is not installed; run: npm install --no-save onnxruntime-node, or use --without-baseline',
      { cause: error },
    );
  }
}
