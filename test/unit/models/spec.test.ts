import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { SpecError, UsageError } from '../../../lib/errors.js';
import {
  classCount,
  elementsOf,
  inferShapes,
  listModels,
  loadSpec,
  parameterShapes,
  toGraph,
  toNormalization,
  withClasses,
} from '../../../lib/models/index.js';
import { smallSpec, temporaryFolder } from './support.js';

function trainedParameters(name: string, classes?: number): number {
  const spec = classes === undefined ? loadSpec(name) : withClasses(loadSpec(name), classes);
  return parameterShapes(spec)
    .filter(({ kind }) => kind !== 'running_mean' && kind !== 'running_var')
    .reduce((sum, { shape }) => sum + elementsOf(shape), 0);
}

describe('the networks of models/', () => {
  it.each([
    // As torchvision's documentation gives them (num_params), and Caffe's examples.
    ['alexnet', 61_100_840],
    ['vgg16', 138_357_544],
    ['squeezenet1_1', 1_235_496],
    ['resnet18', 11_689_512],
    ['resnet50', 25_557_032],
    ['mobilenet_v2', 3_504_872],
    ['caffenet', 60_965_224],
    ['bvlc_alexnet', 60_965_224],
    ['lenet5', 431_080],
    ['lenet300_100', 266_610],
  ])('%s has %d parameters', (name, count) => {
    expect(listModels()).toContain(name);
    expect(trainedParameters(name)).toBe(count);
  });

  it('caffenet has the sizes of the method for 21 and 47 classes', () => {
    expect(trainedParameters('caffenet', 21)).toBe(56_954_261);
    expect(trainedParameters('caffenet', 47)).toBe(57_060_783);
  });

  it('names parameters as torchvision does', () => {
    const resnet = new Map(parameterShapes(loadSpec('resnet18')).map(({ name, shape }) => [name, shape]));
    expect(resnet.get('layer2.0.downsample.0.weight')).toEqual([128, 64, 1, 1]);
    expect(resnet.get('layer2.0.downsample.1.running_var')).toEqual([128]);
    expect(resnet.has('conv1.bias')).toBe(false);
    expect(resnet.get('fc.weight')).toEqual([1000, 512]);
    const mobile = new Map(parameterShapes(loadSpec('mobilenet_v2')).map(({ name, shape }) => [name, shape]));
    expect(mobile.get('features.2.conv.1.0.weight')).toEqual([96, 1, 3, 3]);
    expect(mobile.get('features.18.1.running_mean')).toEqual([1280]);
  });

  it('gives grouped convolutions the input channels of one group', () => {
    const shapes = new Map(parameterShapes(loadSpec('bvlc_alexnet')).map(({ name, shape }) => [name, shape]));
    expect(shapes.get('conv2.weight')).toEqual([256, 48, 5, 5]);
    expect(shapes.get('fc6.weight')).toEqual([4096, 9216]);
  });

  it('counts pooled sizes as PyTorch does, with and without ceil_mode', () => {
    const squeezenet = inferShapes(loadSpec('squeezenet1_1'));
    expect(squeezenet.get('features.2')).toEqual([64, 55, 55]);
    expect(squeezenet.get('features.5')).toEqual([128, 27, 27]);
    expect(squeezenet.get('classifier.1')).toEqual([1000, 13, 13]);
    expect(inferShapes(loadSpec('alexnet')).get('features.12')).toEqual([256, 6, 6]);
    expect(inferShapes(loadSpec('resnet50')).get('maxpool')).toEqual([64, 56, 56]);
  });

  it.each(listModels())('%s becomes a graph in topological order with every attribute', (name) => {
    const graph = toGraph(loadSpec(name));
    const seen = new Set(['input']);
    for (const node of graph.nodes) {
      expect(node.inputs.every((input) => seen.has(input))).toBe(true);
      seen.add(node.name);
      if (node.op === 'Conv') {
        expect(Object.keys(node.attributes).sort()).toEqual(
          ['bias', 'dilations', 'group', 'kernel_shape', 'out_channels', 'pads', 'strides'].sort(),
        );
      }
    }
    expect(graph.classes).toBe(classCount(loadSpec(name)));
  });
});

describe('loadSpec', () => {
  it('lists the known names for an unknown one', () => {
    expect(() => loadSpec('alexnt')).toThrow(UsageError);
    expect(() => loadSpec('alexnt')).toThrow(/unknown model "alexnt"; known: alexnet, .*vgg16/);
    expect(() => loadSpec('')).toThrow(/unknown model ""/);
  });

  it("reads a user's spec by path", () => {
    const path = join(temporaryFolder(), 'mine.json');
    writeFileSync(path, JSON.stringify(smallSpec()));
    expect(loadSpec(path).nodes.map(({ name }) => name)).toEqual(['conv', 'bn', 'relu', 'pool', 'flatten', 'fc']);
  });

  it('says so for a path that is missing and for a file that is not JSON', () => {
    const path = join(temporaryFolder(), 'mine.json');
    expect(() => loadSpec(path)).toThrow(UsageError);
    writeFileSync(path, '{"name": ');
    expect(() => loadSpec(path)).toThrow(SpecError);
    expect(() => loadSpec(path)).toThrow(/mine\.json: not JSON/);
  });
});

describe('withClasses', () => {
  it('changes the head and nothing else', () => {
    const before = new Map(parameterShapes(loadSpec('squeezenet1_1')).map(({ name, shape }) => [name, shape]));
    const changed = parameterShapes(withClasses(loadSpec('squeezenet1_1'), 7)).filter(
      ({ name, shape }) => String(shape) !== String(before.get(name)),
    );
    expect(changed.map(({ name, shape }) => [name, shape])).toEqual([
      ['classifier.1.weight', [7, 512, 1, 1]],
      ['classifier.1.bias', [7]],
    ]);
  });

  it.each([0, -1, 2.5, NaN])('refuses %d classes', (classes) => {
    expect(() => withClasses(loadSpec('lenet5'), classes)).toThrow(UsageError);
  });
});

describe('toNormalization', () => {
  it('hands on order, scale, mean and standard deviation', () => {
    expect(toNormalization(loadSpec('caffenet'))).toEqual({
      channelOrder: 'BGR',
      scale: 1,
      mean: [104, 117, 123],
      std: [1, 1, 1],
    });
    expect(toNormalization(loadSpec('lenet5')).scale).toBe(1 / 256);
  });
});
