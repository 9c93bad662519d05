import { describe, expect, it } from 'vitest';
import { SpecError } from '../../../lib/errors.js';
import { elementsOf, parameterShapes, writeOnnx } from '../../../lib/models/index.js';
import { smallSpec } from './support.js';

describe('writeOnnx', () => {
  it('has every weight in the file', () => {
    const spec = smallSpec();
    const shapes = parameterShapes(spec);
    const tensors = new Map(shapes.map(({ name, shape }) => [name, { data: new Float32Array(elementsOf(shape)) }]));
    const weights = shapes.reduce((sum, { shape }) => sum + elementsOf(shape), 0);
    expect(writeOnnx(spec, tensors).length).toBeGreaterThan(4 * weights);
  });

  it('names a parameter that it is not given', () => {
    expect(() => writeOnnx(smallSpec(), new Map())).toThrow(/conv\.weight is missing/);
  });

  it('refuses a network past the 2 GiB of protobuf before it asks for its weights', () => {
    const spec = smallSpec(({ nodes }) => {
      nodes[nodes.length - 1].attributes = { out_features: 2 ** 24 };
    });
    const write = (): unknown => writeOnnx(spec, new Map());
    expect(write).toThrow(SpecError);
    expect(write).toThrow(/2 GiB/);
  });
});
