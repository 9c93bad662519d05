import { describe, expect, it } from 'vitest';
import { WeightsError } from '../../../lib/errors.js';
import {
  elementsOf,
  matchWeights,
  parameterShapes,
  withClasses,
  type WeightFile,
  type WeightTensor,
} from '../../../lib/models/index.js';
import { smallSpec } from './support.js';

function tensor(shape: number[], value = 1): WeightTensor {
  const data = new Float32Array(elementsOf(shape)).fill(value);
  return { shape, data, bytes: data.byteLength };
}

/** Weights that fit smallSpec, changed. */
function weights(
  change: (tensors: Map<string, WeightTensor>) => void = () => {},
  format: WeightFile['format'] = 'pytorch',
): WeightFile {
  const tensors = new Map(parameterShapes(smallSpec()).map(({ name, shape }) => [name, tensor(shape)]));
  change(tensors);
  return { path: 'small.pth', format, tensors, metadata: {} };
}

const strict = { partial: false };

describe('matchWeights', () => {
  it('takes every parameter of a file that fits', () => {
    const { tensors, fresh, ignored, headReplaced } = matchWeights(smallSpec(), weights(), strict);
    expect([...tensors.keys()]).toEqual([
      'conv.weight',
      'conv.bias',
      'bn.weight',
      'bn.bias',
      'bn.running_mean',
      'bn.running_var',
      'fc.weight',
      'fc.bias',
    ]);
    expect([fresh, ignored, headReplaced]).toEqual([[], [], false]);
  });

  it('replaces the head, and only it, where the class count differs', () => {
    const { fresh, headReplaced, tensors } = matchWeights(withClasses(smallSpec(), 7), weights(), strict);
    expect(headReplaced).toBe(true);
    expect(fresh).toEqual(['fc.weight', 'fc.bias']);
    expect(tensors.size).toBe(6);
  });

  it('does not take a head of other features for one of other classes', () => {
    const file = weights((tensors) => tensors.set('fc.weight', tensor([3, 99])));
    expect(() => matchWeights(smallSpec(), file, strict)).toThrow(/fc\.weight \[3x36\] is \[3x99\]/);
  });

  it('names missing, extra and misshapen tensors with what was expected', () => {
    const file = weights((tensors) => {
      tensors.delete('bn.bias');
      tensors.set('extra.weight', tensor([2]));
      tensors.set('conv.bias', tensor([5]));
    });
    expect(() => matchWeights(smallSpec(), file, strict)).toThrow(WeightsError);
    expect(() => matchWeights(smallSpec(), file, strict)).toThrow(
      'small.pth: does not fit small (1 missing: bn.bias [4]; 1 of another shape: conv.bias [4] is [5]; 1 not of this network: "extra.weight"); give --partial to start what is missing fresh',
    );
  });

  it('lets what is missing or misshapen start fresh with partial, and says which', () => {
    const file = weights((tensors) => {
      tensors.delete('bn.bias');
      tensors.delete('fc.weight');
      tensors.delete('fc.bias');
      tensors.set('conv.bias', tensor([5]));
      tensors.set('extra.weight', tensor([2]));
    });
    const matched = matchWeights(smallSpec(), file, { partial: true });
    expect(matched.fresh).toEqual(['conv.bias', 'bn.bias', 'fc.weight', 'fc.bias']);
    expect(matched.ignored).toEqual(['extra.weight']);
    expect(matched.headReplaced).toBe(false);
  });

  it('names no more than five tensors of a kind and counts the rest', () => {
    const file = weights((tensors) => {
      for (const name of [...tensors.keys()].slice(1)) tensors.delete(name);
    });
    expect(() => matchWeights(smallSpec(), file, strict)).toThrow(
      /7 missing: conv\.bias \[4\], .* bn\.running_var \[4\] and 2 more/,
    );
  });

  it.each([true, false])('says plainly that weights are those of another network (partial %s)', (partial) => {
    const file = weights((tensors) => {
      tensors.clear();
      tensors.set('features.0.weight', tensor([64, 3, 3, 3]));
      // A bias of equal name and length proves nothing.
      tensors.set('conv.bias', tensor([4]));
    });
    expect(() => matchWeights(smallSpec(), file, { partial })).toThrow(
      /weights of another network, only 0 of the 1 weights before the head of small fit/,
    );
  });

  it.each([NaN, Infinity, -Infinity])('refuses weights that hold %d, naming the tensor', (value) => {
    const file = weights((tensors) => (tensors.get('bn.weight')!.data[2] = value));
    expect(() => matchWeights(smallSpec(), file, strict)).toThrow(/tensor "bn\.weight" holds NaN or infinite values/);
  });

  it("takes Caffe's other ways to write a matrix, and only in its files", () => {
    const flattened = (tensors: Map<string, WeightTensor>): void => void tensors.set('fc.weight', tensor([3, 4, 3, 3]));
    const matched = matchWeights(smallSpec(), weights(flattened, 'caffemodel'), strict);
    expect(matched.tensors.get('fc.weight')!.shape).toEqual([3, 36]);
    expect(() => matchWeights(smallSpec(), weights(flattened), strict)).toThrow(/fc\.weight \[3x36\] is \[3x4x3x3\]/);
  });

  it('takes a matrix written as a 1x1 convolution', () => {
    const file = weights((tensors) => tensors.set('fc.weight', tensor([3, 36, 1, 1])));
    expect(matchWeights(smallSpec(), file, strict).tensors.get('fc.weight')!.shape).toEqual([3, 36]);
  });
});
