/** What computes a loaded network's logits: a served network, or a session where weights are missing. */

import { availableParallelism } from 'node:os';
import { parameterShapes, toGraph, toNormalization, type ModelSpec } from '../models/index.js';
import type { Normalization, ServedNetworkDescription } from '../native/addon.js';
import { resolveDevice } from '../native/device.js';
import { ServedNetwork } from '../native/served-network.js';
import { openServingSession } from './serving-session.js';
import type { LoadedNetwork } from './source.js';

export type Shape = [number, number, number, number];

/** One call at a time. */
export interface Backend {
  /** Logits [batch, classes] of uint8 images NHWC or of normalised float32 images NCHW. */
  run(pixels: Uint8Array | Float32Array, shape: Shape): Promise<{ logits: Float32Array; shape: [number, number] }>;
  /** Null for a network that lacks weights. Not while a call runs. */
  describe(): ServedNetworkDescription | null;
  dispose(): Promise<void>;
}

export interface BackendOptions {
  device?: string | undefined;
  threads?: number | undefined;
  /** Most images of one call. */
  maxBatch: number;
}

/** @throws DeviceError, NativeLoadError; UsageError a device nobody knows; SpecError */
export async function openBackend(network: LoadedNetwork, options: BackendOptions): Promise<Backend> {
  const device = resolveDevice(options.device ?? 'auto');
  const threads = options.threads ?? availableParallelism();
  const complete = network.fresh.length === 0;
  // Fresh values come from the session's own generator: a network that lacks some is a thing to look at, not to serve.
  if (!complete) return openSessionBackend(network, { device, threads });
  const served = await ServedNetwork.create({
    graph: toGraph(network.spec),
    device,
    tensors: parametersOf(network.spec, network.tensors),
    threads,
    largestBatch: options.maxBatch,
    forms: 'measured',
    kernels: 'best',
  });
  const normalization: Normalization = toNormalization(network.spec);
  return {
    run: (pixels, shape) => served.run({ pixels, shape, normalization }),
    describe: () => served.describe(),
    dispose: () => served.dispose(),
  };
}

/** The tensors that are parameters of the spec: a weight file may hold others. */
function parametersOf(spec: ModelSpec, tensors: LoadedNetwork['tensors']): Record<string, Float32Array> {
  const parameters: Record<string, Float32Array> = {};
  for (const { name } of parameterShapes(spec)) {
    const tensor = tensors.get(name);
    if (tensor !== undefined) parameters[name] = tensor.data;
  }
  return parameters;
}

async function openSessionBackend(
  network: LoadedNetwork,
  options: { device: string; threads: number },
): Promise<Backend> {
  const session = await openServingSession(network, options);
  return {
    run: (pixels, shape) => session.forward({ pixels, shape }),
    describe: () => null,
    dispose: () => session.dispose(),
  };
}
