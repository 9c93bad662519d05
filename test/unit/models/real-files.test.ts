import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { inspectFile, loadSpec, matchWeights, readWeights, withClasses } from '../../../lib/models/index.js';

const data = process.env['FINEPUNE_DATA'];
const weights = (name: string): string => join(data ?? '', 'weights', name);

describe.skipIf(data === undefined)('real weight files (FINEPUNE_DATA)', () => {
  it('squeezenet1_1.pth and .safetensors hold identical arrays', async () => {
    const pytorch = await readWeights(weights('squeezenet1_1.pth'));
    const safetensors = await readWeights(weights('squeezenet1_1.safetensors'));
    expect(pytorch.tensors.size).toBe(52);
    expect([...pytorch.tensors.keys()].sort()).toEqual([...safetensors.tensors.keys()].sort());
    for (const [name, { shape, data: values }] of pytorch.tensors) {
      const other = safetensors.tensors.get(name)!;
      expect(shape).toEqual(other.shape);
      expect(Buffer.from(values.buffer).equals(Buffer.from(other.data.buffer)), name).toBe(true);
    }
  });

  it('squeezenet1_1 fits its network, with a new head for 7 classes', async () => {
    const file = await readWeights(weights('squeezenet1_1.pth'));
    const matched = matchWeights(withClasses(loadSpec('squeezenet1_1'), 7), file, { partial: false });
    expect(matched).toMatchObject({
      headReplaced: true,
      fresh: ['classifier.1.weight', 'classifier.1.bias'],
      ignored: [],
    });
    expect(() => matchWeights(loadSpec('alexnet'), file, { partial: false })).toThrow(/weights of another network/);
  });

  it('bvlc_alexnet_conv needs partial, and starts fc6 to fc8 fresh', async () => {
    const file = await readWeights(weights('bvlc_alexnet_conv.safetensors'));
    expect(() => matchWeights(loadSpec('bvlc_alexnet'), file, { partial: false })).toThrow(
      /6 missing: fc6\.weight \[4096x9216\]/,
    );
    const { fresh } = matchWeights(loadSpec('bvlc_alexnet'), file, { partial: true });
    expect(fresh).toEqual(['fc6.weight', 'fc6.bias', 'fc7.weight', 'fc7.bias', 'fc8.weight', 'fc8.bias']);
  });

  it('lenet5_dns has 431,080 parameters, 3,993 of them kept, and fits lenet5', async () => {
    const { total, layers, architecture } = await inspectFile(weights('lenet5_dns.caffemodel'));
    expect(architecture).toBe('LeNet');
    expect(total).toMatchObject({ parameters: 431_080, kept: 3_993 });
    expect(layers.map(({ name, kept }) => [name, kept])).toEqual([
      ['conv1', 72],
      ['conv2', 770],
      ['ip1', 2920],
      ['ip2', 215],
    ]);
    const file = await readWeights(weights('lenet5_dns.caffemodel'));
    expect(matchWeights(loadSpec('lenet5'), file, { partial: false }).fresh).toEqual([]);
  });
});
