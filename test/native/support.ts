/** Small networks and image files for the tests of the native side. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Augmentation, Graph, ImageFile, SampleList, SessionOptions, TrainSlice } from '../../lib/native/addon.js';
import { Session } from '../../lib/native/session.js';

export const noAugmentation: Augmentation = {
  kind: 'none',
  areaRange: [1, 1],
  aspectRange: [1, 1],
  horizontalFlip: false,
  verticalFlip: false,
};

/** A linear classifier of 4 x 4 grey pixels: one weight [3, 16], one bias [3]. */
export const linear: Graph = {
  input: { channels: 1, height: 4, width: 4 },
  nodes: [
    { name: 'flat', op: 'Flatten', inputs: ['input'], attributes: { axis: 1 } },
    { name: 'fc', op: 'Gemm', inputs: ['flat'], attributes: { out_features: 3, bias: 1 } },
  ],
  output: 'fc',
  head: 'fc',
  classes: 3,
};

/** Convolution, BatchNorm, dropout and a head on 12 x 12 grey pixels. */
export const convolutional: Graph = {
  input: { channels: 1, height: 12, width: 12 },
  nodes: [
    {
      name: 'conv',
      op: 'Conv',
      inputs: ['input'],
      attributes: { out_channels: 8, kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1, bias: 1 },
    },
    { name: 'norm', op: 'BatchNormalization', inputs: ['conv'], attributes: { epsilon: 1e-5, momentum: 0.9 } },
    { name: 'relu', op: 'Relu', inputs: ['norm'], attributes: {} },
    {
      name: 'pool',
      op: 'MaxPool',
      inputs: ['relu'],
      attributes: { kernel_shape: [3, 3], strides: [2, 2], pads: [0, 0, 0, 0], ceil_mode: 0, count_include_pad: 0 },
    },
    { name: 'flat', op: 'Flatten', inputs: ['pool'], attributes: { axis: 1 } },
    { name: 'drop', op: 'Dropout', inputs: ['flat'], attributes: { ratio: 0.3 } },
    { name: 'fc', op: 'Gemm', inputs: ['drop'], attributes: { out_features: 3, bias: 1 } },
  ],
  output: 'fc',
  head: 'fc',
  classes: 3,
};

export function optionsOf(graph: Graph, changes: Partial<SessionOptions> = {}): SessionOptions {
  return {
    graph,
    normalization: { channelOrder: 'GRAY', scale: 1 / 255, mean: [0.5], std: [0.5] },
    device: 'cpu',
    threads: 2,
    precision: 'fp32',
    seed: 11,
    ...changes,
  };
}

/** A small generator for test data; not the product's. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

export interface Images extends Disposable {
  file: ImageFile;
  pixels: Uint8Array;
}

/** A file of grey images side x side whose brightness pattern tells their class (record % 3). */
export function writeImages(records: number, side: number, seed = 1): Images {
  const random = randomNumbers(seed);
  const pixels = new Uint8Array(records * side * side);
  for (let record = 0; record < records; record++) {
    for (let pixel = 0; pixel < side * side; pixel++) {
      const signal = pixel % 3 === record % 3 ? 120 : 0;
      pixels[record * side * side + pixel] = Math.floor(random() * 130) + signal;
    }
  }
  const directory = mkdtempSync(join(tmpdir(), 'finepune-test-'));
  const path = join(directory, 'images');
  writeFileSync(path, pixels);
  return {
    file: { path, offset: 0, records, height: side, width: side, channels: 1 },
    pixels,
    [Symbol.dispose]: () => rmSync(directory, { recursive: true }),
  };
}

export function samplesOf(images: number, records: number): SampleList {
  return {
    images,
    records: Uint32Array.from({ length: records }, (_, i) => i),
    labels: Int32Array.from({ length: records }, (_, i) => i % 3),
  };
}

/** A slice with everything that is optional switched off. */
export function sliceOf(samples: SampleList, steps: number, changes: Partial<TrainSlice> = {}): TrainSlice {
  return {
    samples,
    firstStep: 0,
    learningRates: new Float64Array(steps).fill(0.05),
    batchSize: 8,
    learningRateFactors: {},
    momentum: 0.9,
    weightDecay: 0,
    labelSmoothing: 0,
    dropout: false,
    clipNorm: 0,
    augmentation: noAugmentation,
    surgery: null,
    ...changes,
  };
}

/** A session of the graph with fresh parameters. */
export async function freshSession(graph: Graph, changes: Partial<SessionOptions> = {}): Promise<Session> {
  const session = await Session.create(optionsOf(graph, changes));
  const names = session.describeParameters().map((parameter) => parameter.name);
  await session.initializeParameters({ names, seed: 5 });
  return session;
}

/** One tensor of a session. */
export async function tensor(
  session: Session,
  role: 'parameter' | 'shadow' | 'momentum' | 'mask',
  name: string,
): Promise<Float32Array | Uint8Array> {
  const tensors: Record<string, Float32Array | Uint8Array | undefined> = await session.getTensors({ role, names: [name] });
  const found = tensors[name];
  if (found === undefined) throw new Error(`no ${role} of ${name}`);
  return found;
}
