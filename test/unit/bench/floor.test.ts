import { describe, expect, it } from 'vitest';
import { dominatingLayers, floorSeconds, layerWork, stepBytes, stepFlops } from '../../../lib/bench/train/floor.js';
import { loadSpec, validateSpec, withClasses } from '../../../lib/models/index.js';

/** Two convolutions with a normalization between, and a classifier, on 8 x 8 pixels. */
const small = validateSpec(
  {
    name: 'small',
    input: { channels: 3, size: 8, resize: 8, channelOrder: 'RGB', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
    nodes: [
      {
        name: 'one',
        op: 'Conv',
        inputs: ['input'],
        attributes: { out_channels: 4, kernel_shape: [3, 3], pads: [1, 1, 1, 1] },
      },
      { name: 'norm', op: 'BatchNormalization', inputs: ['one'] },
      {
        name: 'two',
        op: 'Conv',
        inputs: ['norm'],
        attributes: { out_channels: 6, kernel_shape: [3, 3], group: 2, bias: 0 },
      },
      { name: 'pool', op: 'GlobalAveragePool', inputs: ['two'] },
      { name: 'flat', op: 'Flatten', inputs: ['pool'] },
      { name: 'fc', op: 'Gemm', inputs: ['flat'], attributes: { out_features: 5 } },
    ],
    output: 'fc',
    head: 'fc',
  },
  'small.json',
);

describe('layerWork', () => {
  it('counts forward, the weights, and the gradient of inputs that something trained gave', () => {
    const [one, two, fc] = layerWork(small, 2);
    // 2 images x 64 places x 4 x 3 x 9 weights, 2 operations each; the image needs no gradient.
    expect(one).toMatchObject({ inputGradient: false, flops: 2 * (2 * 2 * 64 * 4 * 3 * 9) });
    // 36 places without padding; a group sees half of the channels.
    expect(two).toMatchObject({
      input: [2, 4, 8, 8],
      group: 2,
      inputGradient: true,
      flops: 3 * (2 * 2 * 36 * 6 * 2 * 9),
    });
    expect(fc).toMatchObject({ kind: 'gemm', input: [2, 6], inputGradient: true, flops: 3 * (2 * 2 * 5 * 6) });
    expect(stepFlops([one, two, fc])).toBe(one.flops + two.flops + fc.flops);
  });

  it('agrees with the arithmetic known of AlexNet', () => {
    const work = layerWork(withClasses(loadSpec('alexnet'), 21), 32);
    // Three times the 0.71 G multiply-adds of a forward, less the first layer's input gradient.
    const forward = 32 * 2 * 0.7102e9;
    const first = 32 * 2 * 55 * 55 * 64 * 3 * 121;
    expect(stepFlops(work) / (3 * forward - first)).toBeCloseTo(1, 2);
    expect(dominatingLayers(work, 2).map(({ name }) => name)).toEqual(['features.3', 'features.8']);
  });
});

describe('stepBytes', () => {
  it('moves 26 bytes for each weight that can be pruned and 20 for each other trained number', () => {
    const prunable = 4 * 27 + 6 * 18 + 5 * 6;
    const others = 4 + (4 + 4) + 5;
    expect(stepBytes(small)).toBe(26 * prunable + 20 * others);
  });
});

describe('dominatingLayers', () => {
  it('takes the largest first and no shape twice', () => {
    const layers = dominatingLayers(layerWork(loadSpec('vgg16'), 1), 100);
    expect(layers.length).toBeLessThan(16);
    const flops = layers.map((layer) => layer.flops);
    expect(flops).toEqual([...flops].sort((a, b) => b - a));
  });
});

describe('floorSeconds', () => {
  it('adds the time of the arithmetic and that of the pass over the weights', () => {
    expect(floorSeconds(10, 6, { arithmetic: 5, copy: 3 })).toBe(4);
  });
});
