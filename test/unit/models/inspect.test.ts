import { statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WeightsError } from '../../../lib/errors.js';
import { inspectFile, loadSpec, writeSafetensors } from '../../../lib/models/index.js';
import { caffemodel } from './caffe-writer.js';
import { fixture, temporaryFolder } from './support.js';

describe('inspectFile', () => {
  it('counts layers, biases, normalisation and running statistics of a plain file', async () => {
    const path = join(temporaryFolder(), 'weights.safetensors');
    const floats = (name: string, shape: number[], values: number[]) => ({
      name,
      dtype: 'F32' as const,
      shape,
      data: Float32Array.from(values),
    });
    await writeSafetensors(path, [
      floats('conv.weight', [2, 1, 1, 2], [1, 0, -0, 2]),
      floats('conv.bias', [2], [0, 3]),
      floats('bn.weight', [2], [1, 1]),
      floats('bn.running_mean', [2], [5, 6]),
    ]);
    const bytesFile = statSync(path).size;
    expect(await inspectFile(path)).toEqual({
      format: 'safetensors',
      architecture: null,
      layers: [
        {
          name: 'conv',
          shape: [2, 1, 1, 2],
          count: 4,
          kept: 2,
          density: 0.5,
          bytes: 16,
          bitsPerNonZero: 64,
          // H(1/2) / (1/2) + 23 + two exponents seen once each
          boundBitsPerNonZero: 2 + 23 + 1,
        },
      ],
      total: {
        parameters: 8,
        kept: 5,
        compression: 8 / 5,
        bytesDense: 40,
        bytesFile,
        bytesHeader: bytesFile - 40,
        bytesBound: 7,
      },
    });
  });

  it('counts by masks where a file has them', async () => {
    const path = join(temporaryFolder(), 'net.caffemodel');
    const blobs = [
      { values: [1, 2, 3, 4], shape: [2, 2] },
      { values: [5, 0], shape: [2] },
      { values: [1, 0, 0, 0], shape: [2, 2] },
      { values: [0, 1], shape: [2] },
    ];
    writeFileSync(path, caffemodel([{ name: 'ip', type: 'CInnerProduct', blobs }], { name: 'LeNet' }));
    const { architecture, layers, total } = await inspectFile(path);
    expect(architecture).toBe('LeNet');
    expect(layers).toMatchObject([{ name: 'ip', shape: [2, 2], count: 4, kept: 1, density: 0.25, bytes: 16 }]);
    expect(total).toMatchObject({ parameters: 6, kept: 2, compression: 3 });
  });

  it('has no compression where nothing is kept', async () => {
    const path = join(temporaryFolder(), 'weights.safetensors');
    await writeSafetensors(path, [{ name: 'a.weight', dtype: 'F32', shape: [1, 2], data: new Float32Array(2) }]);
    expect((await inspectFile(path)).total).toMatchObject({ parameters: 2, kept: 0, compression: null });
  });

  it('refuses a network whose names are not in the file', async () => {
    await expect(inspectFile(fixture('parameters.pt'), loadSpec('lenet5'))).rejects.toThrow(WeightsError);
  });
});
