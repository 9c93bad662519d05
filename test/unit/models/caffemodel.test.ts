import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { describe, expect, it } from 'vitest';
import { WeightsError } from '../../../lib/errors.js';
import { readWeights, type WeightFile } from '../../../lib/models/index.js';
import { caffemodel, type LayerOptions } from './caffe-writer.js';
import { counting, readDamaged, temporaryFolder } from './support.js';

function save(bytes: Uint8Array): string {
  const path = join(temporaryFolder(), 'net.caffemodel');
  writeFileSync(path, bytes);
  return path;
}

const read = (layers: LayerOptions[], options: { v1?: boolean } = {}): Promise<WeightFile> =>
  readWeights(save(caffemodel(layers, options)));

const values = (file: WeightFile, name: string): [number[], number[]] => {
  const { shape, data } = file.tensors.get(name)!;
  return [shape, [...data]];
};

describe('readWeights of .caffemodel', () => {
  // Names of four lengths put the floats at every distance from a multiple of 4.
  it.each(['a', 'ab', 'abc', 'abcd'])('reads current layers wherever their floats start (layer %s)', async (name) => {
    const file = await read([
      {
        name,
        type: 'Convolution',
        blobs: [
          { values: counting(8, -1), shape: [2, 1, 2, 2] },
          { values: [3, 4], shape: [2] },
        ],
      },
      { name: 'relu', type: 'ReLU', blobs: [] },
      {
        name: 'ip',
        type: 'InnerProduct',
        blobs: [
          { values: counting(6), shape: [2, 3] },
          { values: [7, 8], shape: [2] },
        ],
      },
    ]);
    expect(file.format).toBe('caffemodel');
    expect(file.metadata).toEqual({ name: 'Net' });
    expect([...file.tensors.keys()]).toEqual([`${name}.weight`, `${name}.bias`, 'ip.weight', 'ip.bias']);
    expect(values(file, `${name}.weight`)).toEqual([[2, 1, 2, 2], counting(8, -1)]);
    expect(values(file, `${name}.bias`)).toEqual([[2], [3, 4]]);
    expect(values(file, 'ip.weight')).toEqual([[2, 3], counting(6)]);
    expect(values(file, 'ip.bias')).toEqual([[2], [7, 8]]);
  });

  it('reads V1 layers with legacy shapes, matrices as two extents', async () => {
    const file = await read(
      [
        {
          name: 'conv',
          type: 4,
          blobs: [
            { values: counting(8), legacy: [2, 1, 2, 2] },
            { values: [3, 4], legacy: [1, 1, 1, 2] },
          ],
        },
        {
          name: 'ip',
          type: 14,
          blobs: [
            { values: counting(6), legacy: [1, 1, 2, 3] },
            { values: [7, 8], legacy: [1, 1, 1, 2] },
          ],
        },
      ],
      { v1: true },
    );
    expect(values(file, 'conv.weight')).toEqual([[2, 1, 2, 2], counting(8)]);
    expect(values(file, 'conv.bias')).toEqual([[2], [3, 4]]);
    expect(values(file, 'ip.weight')).toEqual([[2, 3], counting(6)]);
    expect(values(file, 'ip.bias')).toEqual([[2], [7, 8]]);
  });

  it.each(['unpacked', 'double'] as const)('reads %s values', async (kind) => {
    const file = await read([
      { name: 'ip', type: 'InnerProduct', blobs: [{ values: counting(6, -1), shape: [2, 3], kind }] },
    ]);
    expect(values(file, 'ip.weight')).toEqual([[2, 3], counting(6, -1)]);
    expect(file.tensors.get('ip.weight')!.bytes).toBe(kind === 'double' ? 48 : 24);
  });

  it('honours the masks of Dynamic Network Surgery, with and without bias', async () => {
    const file = await read([
      {
        name: 'conv',
        type: 'CConvolution',
        blobs: [
          { values: [1, 2, 3, 4], shape: [1, 1, 2, 2] },
          { values: [5], shape: [1] },
          { values: [1, 0, 0, 1], shape: [1, 1, 2, 2] },
          { values: [0], shape: [1] },
        ],
      },
      {
        name: 'ip',
        type: 'CInnerProduct',
        blobs: [
          { values: [6, 7], shape: [1, 2] },
          { values: [0, 1], shape: [1, 2] },
        ],
      },
    ]);
    expect([...file.tensors.keys()]).toEqual(['conv.weight', 'conv.bias', 'ip.weight']);
    expect([...file.tensors.get('conv.weight')!.data]).toEqual([1, 0, 0, 4]);
    expect([...file.tensors.get('conv.weight')!.mask!]).toEqual([1, 0, 0, 1]);
    expect([...file.tensors.get('conv.bias')!.data]).toEqual([0]);
    expect([...file.tensors.get('ip.weight')!.data]).toEqual([0, 7]);
  });

  it("divides BatchNorm's sums by their factor", async () => {
    const file = await read([
      {
        name: 'bn',
        type: 'BatchNorm',
        blobs: [
          { values: [2, 4], shape: [2] },
          { values: [8, 6], shape: [2] },
          { values: [2], shape: [1] },
        ],
      },
    ]);
    expect(values(file, 'bn.running_mean')).toEqual([[2], [1, 2]]);
    expect(values(file, 'bn.running_var')).toEqual([[2], [4, 3]]);
  });

  const layer: LayerOptions = { name: 'ip', type: 'InnerProduct', blobs: [{ values: counting(6), shape: [2, 3] }] };
  it.each<[string, () => Uint8Array, RegExp]>([
    [
      'a blob that does not fill its shape',
      () => caffemodel([{ ...layer, blobs: [{ values: [1], shape: [2, 3] }] }]),
      /a blob of shape \[2, 3\] holds 1 numbers/,
    ],
    [
      'a negative extent',
      () => caffemodel([{ ...layer, blobs: [{ values: [1], legacy: [-1, 1, 1, -1] }] }]),
      /a blob of shape/,
    ],
    ['a layer that is there twice', () => caffemodel([layer, layer]), /the layer "ip" twice/],
    ['a network without weights', () => caffemodel([]), /no layer with weights/],
    ['a cut file', () => caffemodel([layer]).subarray(0, -5), /premature EOF/],
    [
      'a mask that is none',
      () =>
        caffemodel([
          {
            name: 'ip',
            type: 'CInnerProduct',
            blobs: [
              { values: [1], shape: [1, 1] },
              { values: [0.5], shape: [1, 1] },
            ],
          },
        ]),
      /a value other than 0 and 1/,
    ],
    [
      'the format before V1',
      () =>
        new BinaryWriter()
          .tag(2, WireType.LengthDelimited)
          .fork()
          .tag(1, WireType.LengthDelimited)
          .string('x')
          .join()
          .finish(),
      /upgrade_net_proto_binary/,
    ],
    ['text', () => Buffer.from('name: "LeNet"\nlayer {}\n'), /no protobuf message|cut off|no layer/],
  ])('refuses %s', async (_, make, message) => {
    const path = save(make());
    await expect(readWeights(path)).rejects.toThrow(WeightsError);
    await expect(readWeights(path)).rejects.toThrow(message);
  });

  it('answers every damaged file with a typed error or with tensors', async () => {
    const path = save(
      caffemodel([{ name: 'conv', type: 'Convolution', blobs: [{ values: counting(8), shape: [2, 1, 2, 2] }] }, layer]),
    );
    const { failed, messages } = await readDamaged(path, 3000, readWeights);
    expect(failed).toBeGreaterThan(1000);
    expect(messages.size).toBeGreaterThan(10);
  }, 60_000);
});
