/** The whole loop on a tiny network and tiny images: its events, its result, both modes, and going on after an interruption. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Random } from '../../lib/bayes/rng.js';
import { AbortedError, RunError, UsageError } from '../../lib/errors.js';
import { loadSpec, parameterShapes, readModelFile, writeSafetensors } from '../../lib/models/index.js';
import { type TuneRun, resume, tune } from '../../lib/tuner/index.js';
import type { TuneEvent, TuneOptions, TuneResult } from '../../lib/run/types.js';

const SIZE = 16;
const CLASSES = ['horizontal', 'slanted', 'vertical'];
const SPEC = {
  name: 'tiny',
  input: { channels: 3, size: SIZE, resize: SIZE, channelOrder: 'RGB', scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
  nodes: [
    { name: 'conv1', op: 'Conv', inputs: ['input'], attributes: { out_channels: 8, kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1], dilations: [1, 1], group: 1, bias: 0 } },
    { name: 'norm1', op: 'BatchNormalization', inputs: ['conv1'], attributes: { epsilon: 1e-5, momentum: 0.9 } },
    { name: 'relu1', op: 'Relu', inputs: ['norm1'] },
    { name: 'pool1', op: 'MaxPool', inputs: ['relu1'], attributes: { kernel_shape: [4, 4], strides: [4, 4], pads: [0, 0, 0, 0], ceil_mode: 0 } },
    { name: 'flatten', op: 'Flatten', inputs: ['pool1'], attributes: { axis: 1 } },
    { name: 'fc1', op: 'Gemm', inputs: ['flatten'], attributes: { out_features: 32, bias: 1 } },
    { name: 'relu2', op: 'Relu', inputs: ['fc1'] },
    { name: 'fc2', op: 'Gemm', inputs: ['relu2'], attributes: { out_features: 5, bias: 1 } },
  ],
  output: 'fc2',
  head: 'fc2',
};

let root = '';
let options: TuneOptions = {};

/** Stripes of one direction with a seeded phase and noise. */
async function drawStripes(path: string, label: number, random: Random): Promise<void> {
  const angle = (label * Math.PI) / 4;
  const phase = random.uniform() * 6;
  const pixels = Buffer.alloc(SIZE * SIZE * 3);
  for (let y = 0; y < SIZE; y++) {
    for (let x = 0; x < SIZE; x++) {
      const wave = Math.sin(1.3 * (x * Math.sin(angle) + y * Math.cos(angle)) + phase);
      const value = 128 + 60 * wave + 30 * random.normal();
      pixels.fill(Math.max(0, Math.min(255, value)), 3 * (y * SIZE + x), 3 * (y * SIZE + x) + 3);
    }
  }
  await sharp(pixels, { raw: { width: SIZE, height: SIZE, channels: 3 } }).png().toFile(path);
}

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'tuner-loop-'));
  process.env.FINEPUNE_CACHE = join(root, 'cache');
  const random = new Random(5);
  for (const [part, count] of [['train', 24], ['val', 16], ['test', 20]] as const) {
    for (const [label, name] of CLASSES.entries()) {
      const folder = join(root, 'data', part, name);
      mkdirSync(folder, { recursive: true });
      for (let index = 0; index < count; index++) await drawStripes(join(folder, `${index}.png`), label, random);
    }
  }
  const model = join(root, 'tiny.json');
  writeFileSync(model, JSON.stringify(SPEC));
  const weights = join(root, 'tiny.safetensors');
  await writeSafetensors(
    weights,
    parameterShapes(loadSpec(model)).map(({ name, shape, kind }) => ({
      name,
      dtype: 'F32' as const,
      shape,
      data: Float32Array.from({ length: shape.reduce((product, length) => product * length, 1) }, () =>
        kind === 'scale' || kind === 'running_var' ? 1 : kind === 'weight' ? 0.2 * random.normal() : 0,
      ),
    })),
  );
  options = {
    data: join(root, 'data'),
    model,
    weights,
    rounds: 2,
    evaluations: 5,
    warmupSteps: 40,
    roundSteps: 20,
    finetuneSteps: 24,
    batchSize: 12,
    learningRate: 0.01,
    augmentation: 'none',
    maxDrop: 0.05,
    seed: 3,
    threads: 1,
    device: 'cpu',
  };
});

afterAll(() => rmSync(root, { recursive: true, force: true }));

async function collect(run: AsyncIterable<TuneEvent>): Promise<TuneEvent[]> {
  const events: TuneEvent[] = [];
  for await (const event of run) events.push(event);
  return events;
}

/** What of a result does not depend on the clock, the memory or the folder. */
function lasting(result: TuneResult): Partial<TuneResult> {
  const { accuracy, parameters, bytes, layers, seed } = result;
  return { accuracy, parameters, bytes, layers, seed };
}

describe('the loop of fine-pruning', () => {
  let reference: TuneResult;

  it('goes through its stages in order and reports what it wrote', async () => {
    const run = tune({ ...options, out: join(root, 'whole') });
    const events = (await collect(run)).filter((event) => event.event !== 'progress');
    reference = await run.result;
    const names = events.map((event) => event.event);
    const evaluations = Array.from({ length: 5 }, () => 'evaluation');
    expect(names.slice(0, 15)).toEqual(['start', 'data', 'warmup', ...evaluations, 'round', ...evaluations, 'round']);
    expect(names.at(-1)).toBe('done');
    const finetunes = events.flatMap((event) => (event.event === 'finetune' ? [event.phase] : []));
    expect(finetunes).toEqual([...finetunes].sort());
    expect(new Set(finetunes)).toEqual(new Set(['compressed', 'dense']));

    const { parameters, layers, accuracy, bytes } = reference;
    expect(layers.map((layer) => layer.name)).toEqual(['conv1.weight', 'fc1.weight', 'fc2.weight']);
    const fixed = 8 + 8 + 32 + 3;
    expect(parameters.total).toBe(8 * 27 + 128 * 32 + 32 * 3 + fixed);
    expect(parameters.kept).toBe(layers.reduce((sum, layer) => sum + layer.kept, fixed));
    expect(parameters.compression).toBeGreaterThan(1.2);
    expect(accuracy.images).toBe(60);
    expect(accuracy.dense).toBeGreaterThan(0.6);
    expect(bytes.file).toBe(readFileSync(reference.model).length);
    expect(JSON.parse(readFileSync(join(root, 'whole', 'result.json'), 'utf8'))).toEqual(reference);
  });

  it('freezes the masks after the last round', async () => {
    const file = await readModelFile(reference.model);
    const journal = readFileSync(join(root, 'whole', 'journal.jsonl'), 'utf8').trim().split('\n');
    const rounds = journal.map((line) => JSON.parse(line) as TuneEvent).filter((event) => event.event === 'round');
    for (const layer of rounds.at(-1)?.layers ?? []) {
      const left = file.tensors.get(layer.name)?.data.filter((value) => value !== 0).length;
      expect(left).toBe(layer.kept);
    }
  });

  it('gives the same numbers for the same seed', async () => {
    const again = await tune({ ...options, out: join(root, 'again') }).result;
    expect(lasting(again)).toEqual(lasting(reference));
  });

  it.each(['warm-up', 'round 1 of 2: search', 'round 2 of 2: training', 'fine-tuning', 'dense reference'])(
    'ends with the same numbers when it is stopped in "%s" and resumed',
    async (task) => {
      const out = join(root, task.replaceAll(/\W/g, '-'));
      const controller = new AbortController();
      const run = tune({ ...options, out, signal: controller.signal });
      const stopped = (async () => {
        for await (const event of run) {
          if (event.event === 'progress' && event.task === task && event.done > 0) controller.abort();
        }
      })();
      await expect(stopped).rejects.toThrow(AbortedError);
      await expect(run.result).rejects.toThrow(AbortedError);
      expect(lasting(await resume(out).result)).toEqual(lasting(reference));
    },
  );

  /** Stops a run, or a resumed one, at the first event that says so, and gives the events until then. */
  async function stopAt(start: (signal: AbortSignal) => TuneRun, isThere: (event: TuneEvent) => boolean): Promise<TuneEvent[]> {
    const controller = new AbortController();
    const run = start(controller.signal);
    const events: TuneEvent[] = [];
    const stopped = (async () => {
      for await (const event of run) {
        events.push(event);
        if (isThere(event)) controller.abort();
      }
    })();
    await expect(stopped).rejects.toThrow(AbortedError);
    await expect(run.result).rejects.toThrow(AbortedError);
    return events;
  }

  const tasksOf = (events: TuneEvent[]): Set<string> =>
    new Set(events.flatMap((event) => (event.event === 'progress' ? [event.task] : [])));

  it('does nothing again that was done before it was stopped in a search, however often it is stopped there', async () => {
    const out = join(root, 'stopped-in-search');
    const scored = (event: TuneEvent): boolean => event.event === 'evaluation' && event.round === 2 && event.index === 2;
    await stopAt((signal) => tune({ ...options, out, signal }), scored);
    const journal = readFileSync(join(out, 'journal.jsonl'), 'utf8');
    // Stopped again before it has come to where it was.
    const began = (event: TuneEvent): boolean => event.event === 'data';
    await stopAt((signal) => resume(out, { signal }), began);
    expect(readFileSync(join(out, 'journal.jsonl'), 'utf8')).toBe(journal);
    const events = await collect(resume(out));
    expect(tasksOf(events)).not.toContain('round 1 of 2: training');
    expect(lasting(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as TuneResult)).toEqual(lasting(reference));
    expect(events.filter((event) => event.event === 'evaluation' && 'random' in event)).toEqual([]);
  });

  it('trains nothing again when it is stopped in the last measurements', async () => {
    const out = join(root, 'stopped-in-test');
    await stopAt(
      (signal) => tune({ ...options, out, signal }),
      (event) => event.event === 'progress' && event.task === 'test: dense reference',
    );
    const events = await collect(resume(out));
    expect(tasksOf(events)).not.toContain('dense reference');
    expect(lasting(JSON.parse(readFileSync(join(out, 'result.json'), 'utf8')) as TuneResult)).toEqual(lasting(reference));
  });

  it('journals the losses of a run never stopped after one that is', async () => {
    const out = join(root, 'stopped-for-losses');
    await stopAt(
      (signal) => tune({ ...options, out, signal }),
      (event) => event.event === 'progress' && event.task === 'warm-up' && event.done >= 20,
    );
    await stopAt(
      (signal) => resume(out, { signal }),
      (event) => event.event === 'progress' && event.task === 'warm-up' && event.done === 40,
    );
    await resume(out).result;
    const lossesOf = (directory: string): unknown[] =>
      readFileSync(join(root, directory, 'journal.jsonl'), 'utf8')
        .split('\n')
        .flatMap((line) => (line.includes('"loss"') ? [(JSON.parse(line) as { loss: number }).loss] : []));
    expect(lossesOf('stopped-for-losses')).toEqual(lossesOf('whole'));
  });

  it('counts the reading of images in the whole time', () => {
    const { total, decode, search, train } = reference.seconds;
    expect(total).toBeGreaterThanOrEqual(decode + search + train);
  });

  it('tells of its end when the report is there', async () => {
    for await (const event of tune({ ...options, out: join(root, 'told-last') })) {
      if (event.event === 'done') expect(existsSync(event.report)).toBe(true);
    }
  });

  it('does not work on for a journal that is damaged', async () => {
    const out = join(root, 'damaged');
    await stopAt((signal) => tune({ ...options, out, signal }), (event) => event.event === 'round');
    const journal = join(out, 'journal.jsonl');
    writeFileSync(journal, readFileSync(journal, 'utf8').replace('"event":"data"', '"event:"data"'));
    const events: TuneEvent[] = [];
    const resumed = (async () => {
      for await (const event of resume(out)) events.push(event);
    })();
    await expect(resumed).rejects.toThrow(/journal.jsonl: line 2 is not a JSON object/);
    expect(events.filter((event) => event.event !== 'progress')).toEqual([]);
  });

  it('refuses a folder in use before it draws the demo', async () => {
    const cache = process.env.FINEPUNE_CACHE;
    process.env.FINEPUNE_CACHE = join(root, 'other-cache');
    try {
      await expect(tune({ out: join(root, 'whole') }).result).rejects.toThrow(/holds a finished run/);
      expect(existsSync(join(root, 'other-cache'))).toBe(false);
    } finally {
      process.env.FINEPUNE_CACHE = cache;
    }
  });

  it('makes up for a report that could not be written', async () => {
    const out = join(root, 'no-report');
    const { report } = await tune({ ...options, out }).result;
    rmSync(report);
    mkdirSync(join(out, 'checkpoints'));
    await resume(out).result;
    expect(readFileSync(report, 'utf8')).toContain('</html>');
    expect(existsSync(join(out, 'checkpoints'))).toBe(false);
  });

  it('refuses tf32 on the CPU before it touches anything', async () => {
    const out = join(root, 'tf32');
    await expect(tune({ ...options, precision: 'tf32', out }).result).rejects.toThrow(UsageError);
    expect(existsSync(out)).toBe(false);
  });

  it('names the settings that the config.json of another version lacks', async () => {
    const out = join(root, 'older');
    mkdirSync(out);
    const { out: _out, rounds: _rounds, ...config } = JSON.parse(readFileSync(join(root, 'whole', 'config.json'), 'utf8')) as TuneOptions;
    writeFileSync(join(out, 'config.json'), JSON.stringify(config));
    await expect(resume(out).result).rejects.toThrow(/config\.json lacks out, rounds/);
  });

  it('searches by error - lambda * sparsity in paper mode', async () => {
    const { maxDrop: _, ...others } = options;
    const result = await tune({ ...others, lambda: 0.5, evaluations: 12, out: join(root, 'paper') }).result;
    expect(result.parameters.compression).toBeGreaterThan(2);
  });

  it('does not continue a run whose images have changed', async () => {
    const out = join(root, 'changed');
    const data = join(root, 'changed-data');
    const controller = new AbortController();
    for (const part of ['train', 'val', 'test']) {
      for (const [label, name] of CLASSES.entries()) {
        mkdirSync(join(data, part, name), { recursive: true });
        for (let index = 0; index < 4; index++) {
          await drawStripes(join(data, part, name, `${index}.png`), label, new Random(index + 10 * label));
        }
      }
    }
    const run = tune({ ...options, data, out, signal: controller.signal });
    for await (const event of run) {
      if (event.event === 'warmup') {
        controller.abort();
        break;
      }
    }
    await expect(run.result).rejects.toThrow(AbortedError);
    await drawStripes(join(data, 'train', CLASSES[0], '0.png'), 0, new Random(99));
    await expect(resume(out).result).rejects.toThrow(RunError);
  });
});
