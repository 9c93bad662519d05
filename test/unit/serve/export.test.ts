/** exportModel of networks that were never tuned; those of model files need the addon and are in test/native. */
import { existsSync, linkSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { FileError, FinepuneError, UsageError, WeightsError } from '../../../lib/errors.js';
import { exportModel, type ExportOptions, type UntunedNetwork } from '../../../lib/index.js';
import { elementsOf, parameterShapes, readSafetensorsHeader, readWeights } from '../../../lib/models/index.js';
import { writePlainSafetensors, type ModelSpec } from '../../../lib/models/index.js';
import { floatsOf, readOnnx } from '../models/onnx-reader.js';
import { fixture, smallSpec, temporaryFolder } from '../models/support.js';

interface Small {
  folder: string;
  spec: ModelSpec;
  source: UntunedNetwork & { weights: string };
  tensors: Map<string, { shape: number[]; data: Float32Array }>;
}

/** A network of every third weight, with a file of its spec and of its weights, and of a tensor that it has no use for. */
async function makeSmall(leaveOut: string[] = []): Promise<Small> {
  const folder = temporaryFolder();
  const spec = smallSpec();
  const tensors: Small['tensors'] = new Map(
    parameterShapes(spec).map(({ name, kind, shape }, place) => {
      const value = (index: number): number => (kind === 'weight' && index % 3 > 0 ? 0 : place + 1 + index / 64);
      return [name, { shape, data: Float32Array.from({ length: elementsOf(shape) }, (_, index) => value(index)) }];
    }),
  );
  const source = { model: join(folder, 'small.json'), weights: join(folder, 'small.safetensors') };
  writeFileSync(source.model, JSON.stringify(spec));
  const kept = [...tensors].filter(([name]) => !leaveOut.includes(name));
  await writePlainSafetensors(
    source.weights,
    new Map([...kept, ['spare', { shape: [1], data: new Float32Array(1) }]]),
    {},
  );
  return { folder, spec, source, tensors };
}

const zerosOf = ({ spec, tensors }: Small): number =>
  parameterShapes(spec)
    .filter(({ kind }) => kind === 'weight')
    .reduce((sum, { name }) => sum + tensors.get(name)!.data.filter((value) => value === 0).length, 0);

describe('exportModel', () => {
  it('writes ONNX, and says what is in it', async () => {
    const small = await makeSmall();
    const out = join(small.folder, 'small.onnx');
    const result = await exportModel({ ...small.source, labels: ['a', 'b', 'c'] }, out);
    expect(result).toEqual({
      format: 'onnx',
      architecture: 'small',
      tensors: small.tensors.size,
      parameters: [...small.tensors.values()].reduce((sum, { data }) => sum + data.length, 0),
      zeros: zerosOf(small),
      bytesBefore: statSync(small.source.weights).size,
      bytes: statSync(out).size,
    });
    const { graph, metadata } = readOnnx(readFileSync(out));
    expect(graph.tensors.map(({ name }) => name)).toEqual([...small.tensors.keys()]);
    for (const tensor of graph.tensors) expect(floatsOf(tensor)).toEqual(small.tensors.get(tensor.name)!.data);
    expect(Object.fromEntries(metadata)['labels']).toBe('["a","b","c"]');
  });

  it('writes .safetensors of the parameters alone, bit for bit', async () => {
    const { folder, spec, source, tensors } = await makeSmall();
    const out = join(folder, 'plain.safetensors');
    expect(await exportModel(source, out)).toMatchObject({ format: 'safetensors', tensors: tensors.size });
    const read = await readWeights(out);
    expect(read.format).toBe('safetensors');
    expect([...read.tensors.keys()]).toEqual([...tensors.keys()]);
    for (const [name, { shape, data }] of tensors) expect(read.tensors.get(name)).toMatchObject({ shape, data });
    const { metadata } = await readSafetensorsHeader(out);
    expect(metadata).toEqual({ name: 'small', preprocessing: JSON.stringify(spec.input) });
  });

  it('takes PyTorch checkpoints', async () => {
    const folder = temporaryFolder();
    const model = join(folder, 'shades.json');
    const conv = { out_channels: 2, kernel_shape: [2, 2] };
    const spec = {
      ...smallSpec(),
      input: { channels: 3, size: 4, resize: 4, channelOrder: 'RGB', scale: 1, mean: [0, 0, 0], std: [1, 1, 1] },
      nodes: [
        { name: 'conv', op: 'Conv', inputs: ['input'], attributes: conv },
        { name: 'pool', op: 'GlobalAveragePool', inputs: ['conv'] },
        { name: 'flat', op: 'Flatten', inputs: ['pool'] },
      ],
      output: 'flat',
      head: 'conv',
    };
    writeFileSync(model, JSON.stringify(spec));
    const source = { model, weights: fixture('plain.pth') };
    const [onnx, plain] = [join(folder, 'out.onnx'), join(folder, 'out.safetensors')];
    await exportModel(source, onnx);
    await exportModel(source, plain);
    const before = (await readWeights(source.weights)).tensors.get('conv.weight')!.data;
    expect(floatsOf(readOnnx(readFileSync(onnx)).graph.tensors[0])).toEqual(before);
    expect([...(await readWeights(plain)).tensors.keys()]).toEqual(['conv.weight', 'conv.bias']);
  });

  it.each<[string, ExportOptions, string]>([
    ['A.ONNX', {}, 'onnx'],
    ['b.SafeTensors', { format: undefined }, 'safetensors'],
    ['c', { format: 'onnx' }, 'onnx'],
    ['d.onnx', { format: 'safetensors' }, 'safetensors'],
  ])('writes %s with %j as %s', async (name, options, format) => {
    const { folder, source } = await makeSmall();
    const out = join(folder, name);
    expect((await exportModel(source, out, options)).format).toBe(format);
    expect(readFileSync(out)[0] === 0x08).toBe(format === 'onnx');
  });

  it('replaces a file that is there', async () => {
    const { folder, source } = await makeSmall();
    const out = join(folder, 'out.onnx');
    writeFileSync(out, 'something else');
    const { bytes } = await exportModel(source, out);
    expect(statSync(out).size).toBe(bytes);
  });
});

describe('exportModel refuses', () => {
  /** Expects an error in one line, and that the folder is as it was. */
  async function refusal(small: Small, call: () => Promise<unknown>): Promise<FinepuneError> {
    const before = readdirSync(small.folder);
    const contents = readFileSync(small.source.weights);
    const error = await call().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(error).toBeInstanceOf(FinepuneError);
    expect((error as FinepuneError).message).not.toMatch(/\n/);
    expect(readdirSync(small.folder)).toEqual(before);
    expect(readFileSync(small.source.weights).equals(contents)).toBe(true);
    return error as FinepuneError;
  }

  it.each([
    ['an extension that is of no format', 'out.pb', undefined, /out\.pb: .*\.onnx or \.safetensors/],
    ['a name without one', 'out', {}, /its extension tells no format/],
    ['a format nobody knows', 'out.onnx', { format: 'tflite' }, /expected one of onnx, safetensors for format/],
    ['options nobody knows', 'out.onnx', { opset: 17 }, /unknown option "opset" of exportModel; known: format/],
    ['no path', '', {}, /expected a path for out/],
  ])('%s', async (_name, out, options, message) => {
    const small = await makeSmall();
    const call = () => exportModel(small.source, out && join(small.folder, out), options as ExportOptions);
    const error = await refusal(small, call);
    expect(error).toBeInstanceOf(UsageError);
    expect(error.message).toMatch(message);
  });

  it('what is no source', async () => {
    const small = await makeSmall();
    const out = join(small.folder, 'out.onnx');
    for (const source of [undefined, null, 7, {}, { model: 'alexnet' }]) {
      expect(await refusal(small, () => exportModel(source as never, out))).toBeInstanceOf(UsageError);
    }
  });

  it('a model file that is not there, and one that is damaged or plain weights', async () => {
    const small = await makeSmall();
    const out = join(small.folder, 'out.onnx');
    const missing = await refusal(small, () => exportModel(join(small.folder, 'nowhere.safetensors'), out));
    expect(missing).toBeInstanceOf(FileError);
    expect(missing.message).toMatch(/no such file: .*nowhere\.safetensors/);
    const damaged = join(small.folder, 'damaged.safetensors');
    writeFileSync(damaged, readFileSync(small.source.weights).subarray(0, 300));
    expect(await refusal(small, () => exportModel(damaged, out))).toMatchObject({ code: 'E_MODEL_FILE' });
    const plain = await refusal(small, () => exportModel(small.source.weights, out));
    expect(plain.message).toMatch(/give them with --model NAME --weights FILE/);
  });

  it('weights that lack a parameter, whatever is said of partial', async () => {
    const small = await makeSmall(['fc.weight', 'fc.bias']);
    for (const partial of [undefined, true]) {
      const out = join(small.folder, 'out.onnx');
      const error = await refusal(small, () => exportModel({ ...small.source, partial }, out));
      expect(error).toBeInstanceOf(WeightsError);
      expect(error.message).toMatch(/2 missing: fc\.weight .*; give weights that hold every parameter$/);
    }
  });

  it('a head of another number of classes, which would start fresh', async () => {
    const small = await makeSmall(['fc.bias']);
    const spec = smallSpec(({ nodes }) => (nodes[nodes.length - 1].attributes = { out_features: 5, bias: 0 }));
    writeFileSync(small.source.model, JSON.stringify(spec));
    const error = await refusal(small, () => exportModel(small.source, join(small.folder, 'out.onnx')));
    expect(error.message).toMatch(/no values for fc\.weight of small; give weights/);
  });

  it('a file that the network is read from, by any of its names', async () => {
    const small = await makeSmall();
    const { folder, source } = small;
    const [link, second] = [join(folder, 'link.safetensors'), join(folder, 'second.safetensors')];
    symlinkSync(source.weights, link);
    linkSync(source.weights, second);
    for (const out of [source.weights, link, second, join(folder, '.', 'small.safetensors'), source.model]) {
      const error = await refusal(small, () => exportModel(source, out, { format: 'safetensors' }));
      expect(error).toBeInstanceOf(UsageError);
      expect(error.message).toMatch(/is the file that the network is read from; name another file to write/);
    }
  });

  it('a folder that is not there, and a folder', async () => {
    const small = await makeSmall();
    const missing = await refusal(small, () => exportModel(small.source, join(small.folder, 'no', 'out.onnx')));
    expect(missing).toBeInstanceOf(FileError);
    expect(missing.message).toMatch(/the folder .*no does not exist; make it first/);
    const folder = await refusal(small, () => exportModel(small.source, small.folder, { format: 'onnx' }));
    expect(folder.message).toMatch(/it is a folder; choose another path/);
    expect(existsSync(small.folder)).toBe(true);
  });
});
