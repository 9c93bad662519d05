/** loadModel, classify, run, evaluate and inspect as a Node service uses them, on a model whose answers are known. */
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { digestOfSamples, openImageCache, samplesOf, scanDataset } from '../../lib/data/index.js';
import { DataError, DisposedError, FinepuneError, ImageError, UsageError, evaluate, inspect, loadModel, type EvaluateOptions } from '../../lib/index.js';
import { validateSpec, writeModelFile, writeSafetensors } from '../../lib/models/index.js';

const SIZE = 8;
const LABELS = ['red', 'green', 'blue'];

/** A 1 x 1 convolution that passes each colour to its class; the mean over the image decides. */
const spec = validateSpec(
  {
    name: 'colours',
    input: { channels: 3, size: SIZE, resize: SIZE, channelOrder: 'RGB', scale: 1 / 255, mean: [0, 0, 0], std: [1, 1, 1] },
    nodes: [
      { name: 'conv', op: 'Conv', inputs: ['input'], attributes: { out_channels: 3, kernel_shape: [1, 1] } },
      { name: 'pool', op: 'GlobalAveragePool', inputs: ['conv'] },
      { name: 'flat', op: 'Flatten', inputs: ['pool'] },
    ],
    output: 'flat',
    head: 'conv',
  },
  'colours.json',
);
const weight = Float32Array.from([4, 0, 0, 0, 4, 0, 0, 0, 4]);
const bias = Float32Array.from([0, 0.5, 0]);

let folder = '';
let modelFile = '';
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'finepune-serve-'));
  process.env.FINEPUNE_CACHE = join(folder, 'cache');
  modelFile = join(folder, 'model.safetensors');
  await writeModelFile(modelFile, {
    spec,
    labels: LABELS,
    tensors: new Map([
      ['conv.weight', { shape: [3, 3, 1, 1], data: weight }],
      ['conv.bias', { shape: [3], data: bias }],
    ]),
    provenance: { seed: 1 },
  });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A picture of one colour. */
function picture(red: number, green: number, blue: number): Promise<Buffer> {
  const background = { r: red, g: green, b: blue };
  return sharp({ create: { width: 20, height: 12, channels: 3, background } }).png().toBuffer();
}

describe('loadModel', () => {
  it('knows labels, preprocessing and architecture from the file alone', async () => {
    await using model = await loadModel(modelFile);
    expect(model.labels).toEqual(LABELS);
    expect(model.preprocessing).toEqual(spec.input);
    expect(model.spec.name).toBe('colours');
  });

  it('gives the softmax of the logits, likeliest first', async () => {
    await using model = await loadModel(modelFile, { device: 'cpu', threads: 1 });
    const predictions = await model.classify(await picture(255, 0, 0));
    // Logits 4, 0.5, 0.
    const sum = Math.exp(4) + Math.exp(0.5) + 1;
    expect(predictions.map(({ label }) => label)).toEqual(['red', 'green', 'blue']);
    expect(predictions[0]?.probability).toBeCloseTo(Math.exp(4) / sum, 6);
    expect(predictions[1]?.probability).toBeCloseTo(Math.exp(0.5) / sum, 6);
    expect(predictions[2]?.probability).toBeCloseTo(1 / sum, 6);
  });

  it('classifies a path, bytes, and a list of both alike', async () => {
    await using model = await loadModel(modelFile);
    const bytes = await picture(10, 20, 250);
    const path = join(folder, 'blue.png');
    writeFileSync(path, bytes);
    const one = await model.classify(path, { top: 1 });
    expect(one).toEqual([{ label: 'blue', probability: expect.any(Number) as number }]);
    expect(await model.classify([path, bytes, new Uint8Array(bytes)], { top: 1 })).toEqual([one, one, one]);
    expect(await model.classify([])).toEqual([]);
  });

  it('answers many at once, each its own', async () => {
    await using model = await loadModel(modelFile);
    const pictures = await Promise.all(LABELS.map((_, index) => picture(index === 0 ? 255 : 0, index === 1 ? 255 : 0, index === 2 ? 255 : 0)));
    const answers = await Promise.all(Array.from({ length: 60 }, (_, index) => model.classify(pictures[index % 3], { top: 1 })));
    expect(answers.map(([top]) => top.label)).toEqual(Array.from({ length: 60 }, (_, index) => LABELS[index % 3]));
  });

  it('runs tensors that are preprocessed already', async () => {
    await using model = await loadModel(modelFile);
    const input = new Float32Array(2 * 3 * SIZE * SIZE);
    input.fill(1, 0, SIZE * SIZE);
    const { logits, shape } = await model.run(input, [2, 3, SIZE, SIZE]);
    expect(shape).toEqual([2, 3]);
    expect([...logits]).toEqual([4, 0.5, 0, 0, 0.5, 0]);
  });

  it('does not see what becomes of the input after the call', async () => {
    await using model = await loadModel(modelFile);
    const input = new Float32Array(3 * SIZE * SIZE);
    const answers = [1, 2, 3].map((value) => {
      input.fill(value);
      return model.run(input, [1, 3, SIZE, SIZE]);
    });
    input.fill(Number.NaN);
    const logits = (await Promise.all(answers)).map((answer) => [...answer.logits]);
    expect(logits).toEqual([[4, 4.5, 4], [8, 8.5, 8], [12, 12.5, 12]]);
  });

  it('refuses what cannot be an input, saying what is expected', async () => {
    await using model = await loadModel(modelFile);
    await expect(model.run(new Float32Array(3), [1, 3, SIZE, SIZE])).rejects.toThrow(/expected a Float32Array of 192 values/);
    await expect(model.run(new Float32Array(3), [1, 1, 1, 3])).rejects.toThrow(/expected shape \[batch, 3, 8, 8\]/);
    await expect(model.classify(await picture(0, 0, 0), { top: 0 })).rejects.toThrow(UsageError);
    await expect(model.classify(Buffer.from('no picture'))).rejects.toThrow(ImageError);
    await expect(model.classify(join(folder, 'none.png'))).rejects.toThrow(/none\.png/);
  });

  it('goes on after an image that cannot be read', async () => {
    await using model = await loadModel(modelFile);
    await model.classify(Buffer.from('no picture')).catch(() => undefined);
    expect((await model.classify(await picture(255, 0, 0)))[0]?.label).toBe('red');
  });

  it('finishes what is under way when disposed, may be disposed of twice, and says so afterwards', async () => {
    const model = await loadModel(modelFile);
    const running = model.run(new Float32Array(3 * SIZE * SIZE), [1, 3, SIZE, SIZE]);
    await Promise.all([model.dispose(), model.dispose()]);
    expect((await running).shape).toEqual([1, 3]);
    await expect(model.classify(await picture(0, 0, 0))).rejects.toThrow(DisposedError);
  });

  it('loads a network that was never tuned, with as many classes as its weights have', async () => {
    const weights = join(folder, 'plain.safetensors');
    await writeSafetensors(weights, [
      { name: 'conv.weight', dtype: 'F32', shape: [3, 3, 1, 1], data: weight },
      { name: 'conv.bias', dtype: 'F32', shape: [3], data: bias },
    ]);
    const architecture = join(folder, 'colours.json');
    const nodes = spec.nodes.map((node) => (node.name === 'conv' ? { ...node, attributes: { ...node.attributes, out_channels: 7 } } : node));
    writeFileSync(architecture, JSON.stringify({ ...spec, nodes }));
    await using model = await loadModel({ model: architecture, weights });
    expect(model.labels).toEqual(['0', '1', '2']);
    expect((await model.classify(await picture(0, 0, 255)))[0]?.label).toBe('2');
    await using named = await loadModel({ model: architecture, weights, labels: LABELS });
    expect((await named.classify(await picture(0, 0, 255)))[0]?.label).toBe('blue');
  });
});

describe('evaluate', () => {
  it('counts classes by their names, whatever their order in the folder', async () => {
    const data = join(folder, 'data');
    // Sorted: blue, green, red; the model's order is another. Of the four reds one is green.
    const colours: Record<string, [number, number, number][]> = {
      blue: [[0, 0, 255], [0, 0, 254], [0, 0, 253], [0, 0, 252]],
      green: [[0, 255, 0], [0, 254, 0], [0, 253, 0], [0, 252, 0]],
      red: [[255, 0, 0], [254, 0, 0], [253, 0, 0], [0, 255, 1]],
    };
    for (const [label, values] of Object.entries(colours)) {
      mkdirSync(join(data, label), { recursive: true });
      for (const [index, value] of values.entries()) {
        writeFileSync(join(data, label, `${index}.png`), await picture(...value));
      }
    }
    const tasks = new Set<string>();
    const report = await evaluate(modelFile, { data, part: 'all', onProgress: ({ task }) => tasks.add(task) });
    expect(report).toMatchObject({ images: 12, top1: 11 / 12, top5: 1, device: expect.stringMatching(/^c/) as string, skipped: [] });
    expect(report.perClass).toEqual([
      { label: 'red', images: 4, top1: 0.75 },
      { label: 'green', images: 4, top1: 1 },
      { label: 'blue', images: 4, top1: 1 },
    ]);
    expect([...tasks]).toEqual(['decoding', 'evaluating']);
  });

  it("takes the run's official split for a folder that has such lists, and refuses one that is asked for elsewhere", async () => {
    const tuned = join(folder, 'split-3.safetensors');
    await writeModelFile(tuned, {
      spec,
      labels: LABELS,
      tensors: new Map([
        ['conv.weight', { shape: [3, 3, 1, 1], data: weight }],
        ['conv.bias', { shape: [3], data: bias }],
      ]),
      provenance: { seed: 1, split: 3, layout: 'dtd' },
    });
    const data = join(folder, 'data');
    expect(await evaluate(tuned, { data, part: 'all' })).toMatchObject({ images: 12, top1: 11 / 12 });
    await expect(evaluate(tuned, { data, split: 3 })).rejects.toThrow(/split 3 asks for; leave split out/);
    const official = join(folder, 'official');
    cpSync(data, join(official, 'images'), { recursive: true });
    mkdirSync(join(official, 'labels'));
    for (const [index, part] of ['train', 'val', 'test'].entries()) {
      const list = LABELS.map((label) => `${label}/${index}.png\n`).join('');
      writeFileSync(join(official, 'labels', `${part}3.txt`), list);
    }
    expect(await evaluate(tuned, { data: official })).toMatchObject({ images: 3, top1: 1, part: 'test' });
  });

  it("says whether a part's images are those of the run, which a changed folder's are not", async () => {
    const data = join(folder, 'drawn');
    const labels = [...LABELS].sort();
    for (const [place, label] of labels.entries()) {
      mkdirSync(join(data, label), { recursive: true });
      for (let index = 0; index < 10; index += 1) {
        writeFileSync(join(data, label, `${index}.png`), await picture(10 * index, 80 * place, 7));
      }
    }
    const { test } = await scanDataset(data, { seed: 1 });
    const cache = await openImageCache(test, { size: SIZE, channels: 3 });
    const tuned = async (name: string, parts: unknown): Promise<string> => {
      const path = join(folder, name);
      const tensors = new Map([
        ['conv.weight', { shape: [3, 3, 1, 1], data: weight }],
        ['conv.bias', { shape: [3], data: bias }],
      ]);
      await writeModelFile(path, { spec, labels, tensors, provenance: { seed: 1, parts } });
      return path;
    };
    const model = await tuned('drawn.safetensors', { test: digestOfSamples(samplesOf(test, cache), cache) });
    const sameAsRun = async (file: string, options: Partial<EvaluateOptions> = {}): Promise<boolean | null> =>
      (await evaluate(file, { data, ...options })).sameAsRun;

    expect(await sameAsRun(model)).toBe(true);
    expect(await sameAsRun(model, { seed: 2 })).toBe(false);
    expect(await sameAsRun(model, { part: 'all' })).toBeNull();
    for (const parts of [undefined, null, 3, 'test', { test: 3 }, { tune: '' }]) {
      expect(await sameAsRun(await tuned('older.safetensors', parts))).toBeNull();
    }
    for (const [place, label] of labels.entries()) {
      writeFileSync(join(data, label, 'x.png'), await picture(200, 80 * place, 7));
    }
    expect(await sameAsRun(model)).toBe(false);
  });

  it('takes a folder too small to be divided for the part all', async () => {
    const data = join(folder, 'held-out');
    mkdirSync(join(data, 'green'), { recursive: true });
    writeFileSync(join(data, 'green', '0.png'), await picture(0, 255, 0));
    expect(await evaluate(modelFile, { data, part: 'all' })).toMatchObject({ images: 1, top1: 1, sameAsRun: null });
    await expect(evaluate(modelFile, { data })).rejects.toThrow(/one class only/);
  });

  it('counts images of formats that are not read, which strict refuses', async () => {
    const data = join(folder, 'other-formats');
    cpSync(join(folder, 'data'), data, { recursive: true });
    writeFileSync(join(data, 'red', '0.gif'), '');
    expect(await evaluate(modelFile, { data, part: 'all' })).toMatchObject({ images: 12, ignored: { '.gif': 1 } });
    await expect(evaluate(modelFile, { data, part: 'all', strict: true })).rejects.toThrow(/not read \(1 \.gif\)/);
  });

  it('stops at the signal', async () => {
    const signal = AbortSignal.abort();
    await expect(evaluate(modelFile, { data: join(folder, 'data'), part: 'all', signal })).rejects.toThrow(/stopped/);
  });

  it('names a folder that is not there', async () => {
    await expect(evaluate(modelFile, { data: join(folder, 'none') })).rejects.toThrow(DataError);
  });
});

describe('inspect', () => {
  it('counts what the model file holds', async () => {
    const { format, architecture, layers, total } = await inspect(modelFile);
    expect({ format, architecture }).toEqual({ format: 'finepune', architecture: 'colours' });
    expect(layers).toMatchObject([{ name: 'conv', shape: [3, 3, 1, 1], count: 9, kept: 3 }]);
    expect(total).toMatchObject({ parameters: 12, kept: 6, compression: 2 });
  });
});

describe('a model under concurrent calls', () => {
  it('computes images of several calls together, and says so in its metrics', async () => {
    await using model = await loadModel(modelFile, { maxBatch: 4, maxDelay: 200 });
    const image = await picture(255, 0, 0);
    const answers = await Promise.all(Array.from({ length: 8 }, () => model.classify(image, { top: 1 })));
    for (const [best] of answers) expect(best.label).toBe('red');
    expect(model.metrics).toMatchObject({ queueLength: 0, images: 8, batches: 2, batchSizes: { 4: 2 } });
    expect(model.metrics.latency.p99).toBeGreaterThanOrEqual(model.metrics.latency.p50);
  });

  it('runs an image alone once it has waited its time', async () => {
    await using model = await loadModel(modelFile, { maxDelay: 1 });
    await model.classify(await picture(0, 0, 255));
    expect(model.metrics.batchSizes).toEqual({ 1: 1 });
  });

  it('fails the call with an unreadable image alone, and not the others of its batch', async () => {
    await using model = await loadModel(modelFile, { maxBatch: 8, maxDelay: 50 });
    const good = await picture(0, 0, 255);
    const results = await Promise.allSettled([
      model.classify(good),
      model.classify(Buffer.from('no image')),
      model.classify({ data: new Uint8Array(5), width: 2, height: 2, channels: 3 }),
      model.classify(good),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected', 'fulfilled']);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(ImageError);
    expect((results[2] as PromiseRejectedResult).reason).toBeInstanceOf(ImageError);
  });

  it('rejects a list with an unreadable image, or answers the others where each shall have its own outcome', async () => {
    await using model = await loadModel(modelFile, { maxBatch: 2 });
    const good = await picture(0, 0, 255);
    const images = [good, Buffer.from('no image'), join(folder, 'none.png'), good, good, good, good];
    await expect(model.classify(images)).rejects.toThrow(ImageError);
    const answers = await model.classify(images, { top: 1, settle: true });
    expect(answers.map((answer) => (answer instanceof FinepuneError ? answer.code : answer[0].label))).toEqual(
      ['blue', 'E_IMAGE', 'E_IMAGE', 'blue', 'blue', 'blue', 'blue'],
    );
    const signal = AbortSignal.abort();
    await expect(model.classify(images, { settle: true, signal })).rejects.toMatchObject({ code: 'E_ABORTED' });
    // The type of what is not settled has no errors in it.
    const [[best]] = await model.classify([good], { settle: false });
    expect(best.label).toBe('blue');
  });

  it('takes raw pixels, grey, RGB or with alpha', async () => {
    await using model = await loadModel(modelFile);
    const pixels = (channels: 1 | 3 | 4, colour: number[]) => ({
      data: Uint8Array.from({ length: 16 * 12 * channels }, (_, index) => colour[index % channels] ?? 0),
      width: 16,
      height: 12,
      channels,
    });
    const answers = await model.classify([pixels(3, [0, 0, 255]), pixels(4, [255, 0, 0, 0]), pixels(1, [9])], { top: 1 });
    expect(answers.map(([best]) => best.label)).toEqual(['blue', 'red', 'green']);
  });

  it('gives up an image that waits when its signal says so, and computes the others', async () => {
    await using model = await loadModel(modelFile, { maxBatch: 8, maxDelay: 100 });
    const image = await picture(255, 0, 0);
    const controller = new AbortController();
    const stopped = model.classify(image, { signal: controller.signal });
    const kept = model.classify(image);
    setTimeout(() => controller.abort(), 30);
    await expect(stopped).rejects.toMatchObject({ code: 'E_ABORTED' });
    await expect(kept).resolves.toHaveLength(3);
    expect(model.metrics.images).toBe(1);
    await expect(model.classify(image, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'E_ABORTED' });
    const missing = join(folder, 'none.png');
    await expect(model.classify(missing, { signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'E_ABORTED' });
  });

  it('answers what waits before it is disposed of, and nothing after', async () => {
    const model = await loadModel(modelFile, { maxBatch: 8, maxDelay: 10_000 });
    const answer = model.run(new Float32Array(3 * SIZE * SIZE), [1, 3, SIZE, SIZE]);
    await Promise.all([model.dispose(), model.dispose()]);
    await expect(answer).resolves.toMatchObject({ shape: [1, 3] });
    await expect(model.classify(await picture(1, 2, 3))).rejects.toBeInstanceOf(DisposedError);
  });

  it.each([{ maxBatch: 0 }, { maxBatch: 1.5 }, { maxDelay: -1 }, { maxDelay: Number.NaN }, { threads: 0 }])(
    'refuses %o',
    async (options) => {
      await expect(loadModel(modelFile, options)).rejects.toBeInstanceOf(UsageError);
    },
  );
});
