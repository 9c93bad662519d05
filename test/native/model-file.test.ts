import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { ModelFileError, OutOfMemoryError } from '../../lib/errors.js';
import { sealHeader } from '../../lib/models/checksums.js';
import {
  elementsOf,
  inspectFile,
  parameterShapes,
  readModelFile,
  readSafetensorsHeader,
  readWeights,
  writeModelFile,
  writeSafetensors,
  type ModelFileContent,
} from '../../lib/models/index.js';
import { numbersFrom, readDamaged, smallSpec, temporaryFolder } from '../unit/models/support.js';

/** A model of random weights of which one in `every` is kept. */
function content(every: number): ModelFileContent {
  const next = numbersFrom(every);
  const tensors = new Map(
    parameterShapes(smallSpec()).map(({ name, shape, kind }) => {
      const data = Float32Array.from({ length: elementsOf(shape) }, () =>
        kind === 'weight' && next(every) !== 0 ? 0 : (1 + next(1_000_000)) / 7,
      );
      return [name, { shape, data }];
    }),
  );
  return { spec: smallSpec(), labels: ['a', 'b', 'ü "c"'], tensors, provenance: { seed: 1, notes: ['x'] } };
}

async function written(model: ModelFileContent): Promise<string> {
  const path = join(temporaryFolder(), 'model.safetensors');
  await writeModelFile(path, model);
  return path;
}

/** The same file with its description changed. */
async function withDescription(change: (description: Record<string, unknown>) => unknown): Promise<string> {
  const path = await written(content(4));
  const bytes = readFileSync(path);
  const length = Number(bytes.readBigUInt64LE());
  const header = JSON.parse(bytes.toString('utf8', 8, 8 + length)) as Record<string, Record<string, string>>;
  const description = JSON.parse(header['__metadata__']['finepune']) as Record<string, unknown>;
  header['__metadata__']['finepune'] = JSON.stringify(change(description) ?? description);
  const claimed = header['__metadata__']['checksums'];
  header['__metadata__']['checksums'] = `00000000${claimed.slice(8)}`;
  const json = Buffer.from(JSON.stringify(header));
  const changed = Buffer.concat([Buffer.alloc(8), json]);
  changed.writeBigUInt64LE(BigInt(json.length));
  sealHeader(changed);
  writeFileSync(path, Buffer.concat([changed, bytes.subarray(8 + length)]));
  return path;
}

describe('model file', () => {
  it.each([1, 2, 10, 1_000_000])('gives back bit for bit what was written (one weight in %d kept)', async (every) => {
    const model = content(every);
    const read = await readModelFile(await written(model));
    expect(read.spec).toEqual(model.spec);
    expect(read.labels).toEqual(model.labels);
    expect(read.provenance).toEqual(model.provenance);
    expect([...read.tensors.keys()]).toEqual([...model.tensors.keys()]);
    for (const [name, { shape, data }] of model.tensors) {
      expect(read.tensors.get(name)!.shape).toEqual(shape);
      expect(Buffer.from(read.tensors.get(name)!.data.buffer)).toEqual(Buffer.from(data.buffer));
    }
  });

  it('takes fewer bytes the fewer weights are kept, and what codes no smaller stays as it is', async () => {
    const sizes = await Promise.all([1, 3, 30].map(async (every) => statSync(await written(content(every))).size));
    expect(sizes[1]).toBeLessThan(sizes[0]);
    expect(sizes[2]).toBeLessThan(sizes[1]);
    const { tensors } = await readSafetensorsHeader(await written(content(30)));
    expect(tensors.has('fc.weight')).toBe(false);
    expect(tensors.get('fc.weight.sparse')?.dtype).toBe('U8');
    expect(tensors.get('fc.bias')?.dtype).toBe('F32');
  });

  it('drops the sign of zeros, which says nothing of a pruned weight', async () => {
    const model = content(2);
    const { data } = model.tensors.get('fc.weight')!;
    const expected = data.slice();
    data.forEach((value, i) => (data[i] = value === 0 ? -0 : value));
    const read = (await readModelFile(await written(model))).tensors.get('fc.weight')!.data;
    expect(Buffer.from(read.buffer)).toEqual(Buffer.from(expected.buffer));
  });

  it('is read as weights, and inspected, like any other weight file', async () => {
    const model = content(10);
    const path = await written(model);
    const { format, tensors } = await readWeights(path);
    expect(format).toBe('finepune');
    expect(tensors.get('fc.weight')!.data).toEqual(model.tensors.get('fc.weight')!.data);
    const kept = [...model.tensors.get('fc.weight')!.data].filter((value) => value !== 0).length;
    const { layers, total, ...inspection } = await inspectFile(path);
    expect(inspection).toEqual({ format: 'finepune', architecture: 'small' });
    expect(layers.map(({ name }) => name)).toEqual(['conv', 'fc']);
    expect(layers[1]).toMatchObject({ shape: [3, 36], count: 108, kept, density: kept / 108 });
    expect(total.parameters).toBe(36 + 4 + 4 + 4 + 108 + 3);
    expect(total.kept).toBe(layers[0].kept + kept + 4 + 4 + 4 + 3);
    expect(total.bytesDense).toBe(4 * (total.parameters + 8));
    expect(total.bytesFile).toBe(statSync(path).size);
  });

  it('says that plain weights are no model file', async () => {
    const path = join(temporaryFolder(), 'weights.safetensors');
    await writeSafetensors(path, [{ name: 'a', dtype: 'F32', shape: [1], data: Float32Array.of(1) }]);
    await expect(readModelFile(path)).rejects.toThrow(ModelFileError);
    await expect(readModelFile(path)).rejects.toThrow(/plain weights, not a model file.*--model NAME --weights FILE/);
  });

  it.each<[string, (description: Record<string, unknown>) => unknown, RegExp]>([
    ['a later version', (d) => (d['version'] = 4, d), /version 4, this package reads version 3/],
    ['a version that is no number', (d) => (d['version'] = { toString: 3 }, d), /version \{"toString":3\}, this package/],
    ['no version', (d) => ({ ...d, version: undefined }), /version undefined, this package/],
    ['no object', () => 3, /not a JSON object/],
    ['a spec that is none', (d) => (d['spec'] = {}, d), /the spec inside the model file/],
    ['a label too few', (d) => (d['labels'] = ['a', 'b'], d), /2 labels for 3 classes/],
    ['labels that are no strings', (d) => (d['labels'] = [1, 2, 3], d), /labels are not a list of strings/],
    ['other preprocessing than the spec', (d) => (d['preprocessing'] = { size: 9 }, d), /preprocessing differs from its spec/],
    ['no table of sparse tensors', (d) => (d['sparse'] = null, d), /table of sparse tensors is not an object/],
    ['a sparse tensor of no parameter', (d) => (d['sparse'] = { ...(d['sparse'] as object), x: [1] }, d), /"x\.sparse" is missing/],
    ['a shape that is none', (d) => (d['sparse'] = { 'fc.weight': [3, -36] }, d), /a shape that is not a list of whole numbers/],
    ['another shape', (d) => (d['sparse'] = { 'conv.weight': [4, 1, 3, 3], 'fc.weight': [36, 3] }, d), /another shape/],
    ['a missing tensor', (d) => (d['sparse'] = {}, d), /"conv\.weight" is missing/],
    [
      'a network far larger than the file',
      (d) => {
        const spec = smallSpec((s) => {
          s.nodes.at(-1)!.attributes = { out_features: 3_000_000 };
          s.input.size = s.input.resize = 64;
        });
        return { ...d, spec, preprocessing: spec.input };
      },
      /"fc": its weight would be 3000000x4096, too large/,
    ],
    [
      'sparse tensors that would fill the memory',
      (d) => {
        const sparse = { ...(d['sparse'] as object), 'fc.weight': [3, 1_000_000_000] };
        return { ...d, sparse };
      },
      /bytes cannot hold its sparse tensors of/,
    ],
  ])('refuses a description with %s', async (_, change, message) => {
    const path = await withDescription(change);
    await expect(readModelFile(path)).rejects.toThrow(ModelFileError);
    await expect(readModelFile(path)).rejects.toThrow(message);
    await expect(inspectFile(path)).rejects.toThrow(message);
  });

  it('refuses code that the encoder would not write though its checksum is right, naming the tensor', async () => {
    const path = await written(content(4));
    const { offset, bytes } = (await readSafetensorsHeader(path)).tensors.get('fc.weight.sparse')!;
    const file = readFileSync(path);
    file.fill(0xff, offset, offset + bytes);
    const start = 8 + Number(file.readBigUInt64LE());
    const at = file.indexOf('"checksums":"') + '"checksums":"'.length;
    file.write(`00000000 ${crc32(file.subarray(start)).toString(16).padStart(8, '0')}`, at);
    const header = file.subarray(0, start);
    sealHeader(header);
    writeFileSync(path, file);
    await expect(readModelFile(path)).rejects.toThrow(ModelFileError);
    await expect(readModelFile(path)).rejects.toThrow(/tensor "fc\.weight"/);
  });

  it('says that a tensor larger than any array does not fit, and goes on', async () => {
    const path = join(temporaryFolder(), 'large.safetensors');
    // Enough bytes for the bound on coded tensors.
    const filler = { name: 'filler', dtype: 'F32' as const, shape: [2 ** 21], data: new Float32Array(2 ** 21) };
    const code = { name: 'a.sparse', dtype: 'U8' as const, shape: [9], data: new Uint8Array(9) };
    const none = { spec: null, labels: null, preprocessing: null, provenance: null };
    const finepune = JSON.stringify({ version: 3, ...none, sparse: { a: [2 ** 17, 2 ** 16] } });
    await writeSafetensors(path, [filler, code], { finepune }, { checksums: true });
    await expect(readWeights(path)).rejects.toThrow(OutOfMemoryError);
    await expect(readWeights(path)).rejects.toThrow(/tensor "a" does not fit in memory/);
  });

  it('answers every flipped byte, every cut and every lengthening with a typed error', async () => {
    const path = await written(content(4));
    const original = readFileSync(path);
    const next = numbersFrom(5);
    const variants = [...original.keys()].map((place): Buffer => {
      const flipped = Buffer.from(original);
      flipped[place] ^= 1 + next(255);
      return flipped;
    });
    for (let length = 0; length < original.length; length += 37) variants.push(original.subarray(0, length));
    for (const more of [1, 8, 5000]) variants.push(Buffer.concat([original, Buffer.alloc(more, 0x20)]));
    for (const variant of variants) {
      writeFileSync(path, variant);
      await expect(readModelFile(path)).rejects.toMatchObject({ code: 'E_MODEL_FILE' });
      const typed = { code: expect.stringMatching(/^(E_MODEL_FILE|E_WEIGHTS)$/) as string };
      await expect(readWeights(path)).rejects.toMatchObject(typed);
      await expect(inspectFile(path)).rejects.toMatchObject(typed);
    }
  });

  it('answers every damaged file with a typed error or with a model', async () => {
    const { failed, messages } = await readDamaged(await written(content(4)), 2000, readModelFile);
    expect(failed).toBeGreaterThan(1900);
    expect(messages.size).toBeGreaterThan(10);
  });
});
