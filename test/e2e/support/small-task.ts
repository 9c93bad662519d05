/** A task small enough to tune in a second: two colours of noise, a network of two convolutions. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { parameterShapes, validateSpec, writeSafetensors } from '../../../lib/models/index.js';
import { makeFolder } from './cli.js';

const SIZE = 16;

const spec = {
  name: 'small',
  input: {
    channels: 3,
    size: SIZE,
    resize: SIZE,
    channelOrder: 'RGB',
    scale: 1 / 255,
    mean: [0.5, 0.5, 0.5],
    std: [0.25, 0.25, 0.25],
  },
  nodes: [
    { name: 'conv1', op: 'Conv', inputs: ['input'], attributes: { out_channels: 8, kernel_shape: [3, 3] } },
    { name: 'relu1', op: 'Relu', inputs: ['conv1'] },
    { name: 'pool1', op: 'MaxPool', inputs: ['relu1'], attributes: { kernel_shape: [2, 2], strides: [2, 2] } },
    { name: 'conv2', op: 'Conv', inputs: ['pool1'], attributes: { out_channels: 16, kernel_shape: [3, 3] } },
    { name: 'relu2', op: 'Relu', inputs: ['conv2'] },
    { name: 'pool2', op: 'GlobalAveragePool', inputs: ['relu2'] },
    { name: 'flatten', op: 'Flatten', inputs: ['pool2'] },
    { name: 'fc', op: 'Gemm', inputs: ['flatten'], attributes: { out_features: 2 } },
  ],
  output: 'fc',
  head: 'fc',
};

export interface SmallTask {
  folder: string;
  /** DIR/<class>/*. */
  data: string;
  model: string;
  weights: string;
}

/** Writes images, spec and weights into a folder of their own. */
export async function makeSmallTask(imagesPerClass = 20): Promise<SmallTask> {
  const folder = makeFolder();
  const data = join(folder, 'data');
  for (const [label, name] of ['cold', 'warm'].entries()) {
    mkdirSync(join(data, name), { recursive: true });
    for (let index = 0; index < imagesPerClass; index += 1) {
      await sharp(pixels(label, index), { raw: { width: SIZE, height: SIZE, channels: 3 } })
        .png()
        .toFile(join(data, name, `${index}.png`));
    }
  }
  const model = join(folder, 'small.json');
  writeFileSync(model, JSON.stringify(spec));
  const weights = join(folder, 'small.safetensors');
  await writeWeights(weights);
  return { folder, data, model, weights };
}

/** Flags of the shortest tuning there is. */
export function quickly({ data, model, weights }: SmallTask): string[] {
  return [
    'tune',
    '--data',
    data,
    '--model',
    model,
    '--weights',
    weights,
    '--seed',
    '1',
    '--threads',
    '1',
    ...budget(4),
  ];
}

/** As little work as makes every stage happen. */
export function budget(steps: number): string[] {
  const text = String(steps);
  return [
    '--rounds',
    '2',
    '--evals',
    '3',
    '--warmup-steps',
    text,
    '--steps',
    text,
    '--finetune-steps',
    text,
    '--batch-size',
    '8',
  ];
}

/** Values of a closed formula, the same everywhere. */
async function writeWeights(path: string): Promise<void> {
  const tensors = parameterShapes(validateSpec(spec, 'small.json')).map(({ name, shape }) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    return {
      name,
      dtype: 'F32' as const,
      shape,
      data: Float32Array.from({ length: count }, (_, index) => 0.2 * Math.sin(1 + index * 1.7)),
    };
  });
  await writeSafetensors(path, tensors);
}

/** Noise, bluish for label 0 and reddish for label 1. */
export function pixels(label: number, index: number): Buffer {
  return Buffer.from(
    Array.from({ length: SIZE * SIZE * 3 }, (_, place) => {
      const noise = 128 + 60 * Math.sin(place * 12.9898 + index * 78.233);
      const tint = place % 3 === (label === 0 ? 2 : 0) ? 50 : 0;
      return Math.round(noise + tint);
    }),
  );
}
