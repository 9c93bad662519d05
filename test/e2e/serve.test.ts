/** Serving as a service does it: the README's server under load, worker threads, thousands of calls. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensorsOf } from '../../lib/bench/serve/variants.js';
import type { BenchReport } from '../../lib/bench/types.js';
import { loadModel, type Prediction, type ServeMetrics } from '../../lib/index.js';
import { loadSpec, writeModelFile } from '../../lib/models/index.js';
import { makeFolder, runCli, startCli } from './support/cli.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const folder = makeFolder();
const modelFile = join(folder, 'model.safetensors');

/** Where 'finepune-native' and 'fastify' resolve as they do for a user who installed them. */
beforeAll(async () => {
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'finepune-native'));
  symlinkSync(join(root, 'node_modules', 'fastify'), join(folder, 'node_modules', 'fastify'));
  const spec = loadSpec('lenet5');
  const labels = Array.from({ length: 10 }, (_, index) => `digit ${index}`);
  await writeModelFile(modelFile, {
    spec,
    labels,
    tensors: tensorsOf(spec, { name: 'test', density: 0.1 }, 5),
    provenance: null,
  });
});

function picture(shade: number): Promise<Buffer> {
  const background = { r: shade, g: 255 - shade, b: (shade * 7) % 256 };
  return sharp({ create: { width: 40, height: 30, channels: 3, background } })
    .jpeg()
    .toBuffer();
}

describe("the README's service", () => {
  let service: ChildProcess;
  let address = '';
  beforeAll(async () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    const code = [...readme.matchAll(/```js\n(.*?)```/gs)]
      .map(([, text]) => text)
      .find((text) => text.includes('Fastify'));
    writeFileSync(join(folder, 'service.mjs'), code ?? '');
    const env = { ...process.env, MODEL: modelFile, PORT: '0' };
    service = spawn(process.execPath, ['service.mjs'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit'] });
    const [text] = (await once(service.stdout!.setEncoding('utf8'), 'data')) as [string];
    address = text.trim();
  });
  afterAll(() => {
    service.kill('SIGKILL');
  });

  const classify = (body: Uint8Array<ArrayBuffer>) =>
    fetch(`${address}/classify`, { method: 'POST', headers: { 'content-type': 'image/jpeg' }, body });

  it('gives each of many concurrent requests its own answer, computed in batches', async () => {
    const pictures = await Promise.all(Array.from({ length: 8 }, (_, index) => picture(30 * index)));
    await using model = await loadModel(modelFile);
    const expected = await model.classify(pictures, { top: 5 });
    let next = 0;
    const client = async () => {
      while (next < 320) {
        const index = next % pictures.length;
        next += 1;
        const response = await classify(new Uint8Array(pictures[index]));
        expect(response.status).toBe(200);
        const answer = (await response.json()) as Prediction[];
        expect(answer.map(({ label }) => label)).toEqual(expected[index].map(({ label }) => label));
        answer.forEach(({ probability }, i) => expect(probability).toBeCloseTo(expected[index][i].probability, 5));
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    const metrics = (await (await fetch(`${address}/metrics`)).json()) as ServeMetrics;
    expect(metrics).toMatchObject({ queueLength: 0, images: 320 });
    expect(metrics.batches).toBeLessThan(320);
  });

  it('answers an unreadable image with 400 and its reason, and goes on', async () => {
    const good = new Uint8Array(await picture(1));
    const [bad, fine] = await Promise.all([classify(new TextEncoder().encode('no image')), classify(good)]);
    expect([bad.status, fine.status]).toEqual([400, 200]);
    expect(await bad.json()).toEqual({ error: expect.stringContaining('image') as string });
  });

  it('ends by itself on SIGTERM', async () => {
    service.kill('SIGTERM');
    expect(await once(service, 'exit')).toEqual([0, null]);
  });
});

it('stops at once with 130 at Ctrl-C in the middle of predict, which has nothing to save', async () => {
  // Of a short name: the system takes only so many bytes of words.
  const image = 'picture.jpg';
  writeFileSync(join(folder, image), await picture(90));
  const { outcome } = startCli(['predict', modelFile, ...Array<string>(20_000).fill(image)], {
    cwd: folder,
    onStdout: (_stdout, child) => {
      child.kill('SIGINT');
    },
  });
  const { status, signal, stdout } = await outcome;
  expect({ status, signal }).toEqual({ status: 130, signal: null });
  expect(stdout.split(image).length - 1).toBeLessThan(20_000);
});

it('classifies in worker threads, several models at once, and lets the process end', async () => {
  const image = join(folder, 'image.jpg');
  writeFileSync(image, await picture(99));
  writeFileSync(
    join(folder, 'threads.mjs'),
    `import { Worker, isMainThread, parentPort } from 'node:worker_threads';
     import { loadModel } from 'finepune-native';
     const ask = async () => {
       const models = await Promise.all([1, 2].map((threads) => loadModel(process.argv[2], { threads })));
       const answers = await Promise.all(models.flatMap((model) => [1, 2, 3].map(() => model.classify(process.argv[3], { top: 1 }))));
       await models[0].dispose(); // the other is left to the thread's end
       return answers.map(([{ label }]) => label);
     };
     if (isMainThread) {
       const workers = [1, 2, 3].map(() => new Worker(new URL(import.meta.url), { argv: process.argv.slice(2) }));
       const answers = await Promise.all(workers.map((worker) => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject))));
       console.log(JSON.stringify([...answers, await ask()].flat()));
     } else parentPort.postMessage(await ask());`,
  );
  const child = spawn(process.execPath, ['threads.mjs', modelFile, image], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
  expect(await once(child, 'close')).toEqual([0, null]);
  const labels = JSON.parse(output) as string[];
  expect(labels).toHaveLength(24);
  expect(new Set(labels).size).toBe(1);
});

it('answers thousands of calls in 16 streams without a failure, in memory that does not grow', async () => {
  const words = ['bench', 'serve', '--soak', '--model', modelFile, '--calls', '3000', '--json'];
  const { status, stdout } = await runCli(words);
  expect(status).toBe(0);
  const { rows, ratios } = JSON.parse(stdout) as BenchReport;
  expect(rows.find(({ name }) => name === 'failed calls')?.median).toBe(0);
  expect(rows[0].values).toHaveLength(3000);
  expect(ratios['resident memory: second half / first half']).toBeLessThan(1.15);
});

describe('bench serve', () => {
  it('measures a spec at its densities and a model file, their bytes and their memory', async () => {
    const words = [
      'bench',
      'serve',
      '--models',
      'lenet5',
      '--model',
      modelFile,
      '--densities',
      '1,0.1',
      '--batches',
      '1,16',
    ];
    const { status, stdout } = await runCli([...words, '--rounds', '1', '--without-baseline', '--json']);
    expect(status).toBe(0);
    const { rows, ratios } = JSON.parse(stdout) as BenchReport;
    const value = (name: string) => rows.find((row) => row.name === name)?.median ?? Number.NaN;
    expect(value('lenet5 10%: model file')).toBeLessThan(value('lenet5 100%: model file') / 3);
    expect(value('lenet5 10%: resident memory, finepune')).toBeGreaterThan(0);
    for (const name of ['100%', '10%', 'as tuned']) {
      for (const batch of [1, 16]) {
        expect(value(`lenet5 ${name}, batch ${batch}: finepune`)).toBeGreaterThan(0);
        expect(ratios[`lenet5 ${name}, batch ${batch}: dense / finepune, least`]).toBeGreaterThan(0);
      }
    }
  });

  it('runs onnxruntime and libtorch in the same rounds', async () => {
    const words = ['bench', 'serve', '--models', 'lenet5', '--densities', '0.1', '--batches', '2', '--rounds', '1'];
    const { status, stdout } = await runCli([...words, '--without-memory', '--json']);
    expect(status).toBe(0);
    const { ratios } = JSON.parse(stdout) as BenchReport;
    expect(ratios['lenet5 10%, batch 2: onnxruntime / finepune']).toBeGreaterThan(0);
    expect(ratios['lenet5 10%, batch 2: libtorch / finepune']).toBeGreaterThan(0);
  });

  it.each([
    [['--densities', '0'], '--densities'],
    [['--batches', '1.5'], '--batches'],
    [['--models', 'alexnett'], 'alexnet'],
    [['--models', 'lenet5', '--device', 'cuda:99'], 'device cuda:99 asked for'],
    [['--soak', '--device', 'cuda:99'], 'device cuda:99 asked for'],
  ])('refuses %j', async (words, hint) => {
    const { status, stderr } = await runCli(['bench', 'serve', ...words, '--without-baseline']);
    expect(status).not.toBe(0);
    expect(stderr).toContain(hint);
  });
});
