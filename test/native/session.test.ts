/** The session's life, its errors, and that equal seeds give equal bits. */
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Graph, SessionOptions, SampleList, SessionHandle } from '../../lib/native/addon.js';
import { addonStatus, loadAddon } from '../../lib/native/load.js';
import { Session } from '../../lib/native/session.js';
import { convolutional, freshSession, type Images, linear, optionsOf, samplesOf, sliceOf, tensor, writeImages } from './support.js';

const RECORDS = 30;

it('exports what addon.ts declares, and nothing else', () => {
  const text = readFileSync(new URL('../../lib/native/addon.ts', import.meta.url), 'utf8');
  const body = text.slice(text.indexOf('export interface Addon {'));
  const declared = [...body.matchAll(/^ {2}(\w+)\(/gm)].map((match) => match[1]);
  expect(declared.length).toBeGreaterThan(15);
  expect(Object.keys(loadAddon()).sort()).toEqual(declared.sort());
});

describe('options', () => {
  it.each<[string, Partial<SessionOptions>, string, RegExp]>([
    ['a device this build lacks', { device: 'cuda:0' }, 'E_DEVICE', /cuda:0/],
    ['an unknown device', { device: 'tpu' }, 'E_USAGE', /expected cpu or cuda:N for device but received tpu/],
    ['no threads', { threads: 0 }, 'E_USAGE', /expected 1 to 4096 for options.threads but received number 0/],
    ['a negative seed', { seed: -1 }, 'E_USAGE', /options.seed/],
    ['a seed that is NaN', { seed: Number.NaN }, 'E_USAGE', /expected a whole number for options.seed but received number NaN/],
    ['another precision', { precision: 'fp8' as 'fp32' }, 'E_USAGE', /expected fp32, tf32 or bf16/],
    ['a normalisation of other channels', { normalization: { channelOrder: 'RGB', scale: 1, mean: [0], std: [1] } }, 'E_USAGE', /GRAY/],
    ['an unknown operator', { graph: { ...linear, nodes: [{ ...linear.nodes[0], op: 'Conjure' }, linear.nodes[1]] } }, 'E_SPEC', /flat/],
  ])('refuse %s', async (_, changes, code, message) => {
    const failure = await Session.create(optionsOf(linear, changes)).catch((error: unknown) => error as Error);
    expect(failure).toMatchObject({ code });
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).not.toContain('\n');
  });
});

describe('a session', () => {
  let images: Images;
  let session: Session;
  let samples: SampleList;

  beforeEach(async () => {
    images = writeImages(RECORDS, 16);
    session = await freshSession(convolutional);
    samples = samplesOf(await session.attachImages(images.file), RECORDS);
  });
  afterEach(async () => {
    await session.dispose();
    images[Symbol.dispose]();
  });

  it('learns, and evaluates what it learned', async () => {
    const first = await session.evaluate({ samples, batchSize: 7 });
    const result = await session.train(sliceOf(samples, 60, { dropout: true }));
    const last = await session.evaluate({ samples, batchSize: 7 });
    expect(result).toMatchObject({ steps: 60, images: 480, refreshes: 0 });
    expect(last.images).toBe(RECORDS);
    expect(last.top1).toBeGreaterThan(0.9);
    expect(last.top5).toBe(1);
    expect(last.loss).toBeLessThan(first.loss);
    expect(last.top1).toBeCloseTo(last.predicted.filter((label, i) => label === samples.labels[i]).length / RECORDS, 12);
  });

  it('evaluates alike for every batch size, and as forward on the same pixels', async () => {
    await session.train(sliceOf(samples, 10));
    const whole = await session.evaluate({ samples, batchSize: 64 });
    const single = await session.evaluate({ samples, batchSize: 1 });
    expect(single.predicted).toEqual(whole.predicted);
    expect(single.loss).toBeCloseTo(whole.loss, 5);
    const { logits, shape } = await session.forward({ pixels: images.pixels, shape: [RECORDS, 16, 16, 1] });
    expect(shape).toEqual([RECORDS, 3]);
    const best = Int32Array.from({ length: RECORDS }, (_, i) => {
      const row = logits.subarray(i * 3, i * 3 + 3);
      return row.indexOf(Math.max(...row));
    });
    expect(best).toEqual(whole.predicted);
  });

  it('normalises pixels exactly as floats given directly', async () => {
    const pixels = images.pixels.subarray(0, 256);
    const bytes = await session.forward({ pixels, shape: [1, 16, 16, 1] });
    const floats = Float32Array.from({ length: 144 }, (_, i) => {
      const value = pixels[(2 + Math.floor(i / 12)) * 16 + 2 + (i % 12)];
      return (value / 255 - 0.5) / 0.5;
    });
    const direct = await session.forward({ pixels: floats, shape: [1, 1, 12, 12] });
    direct.logits.forEach((value, i) => expect(bytes.logits[i]).toBeCloseTo(value, 5));
  });

  it('trains in bfloat16 too', async () => {
    await using other = await freshSession(convolutional, { precision: 'bf16' });
    const own = samplesOf(await other.attachImages(images.file), RECORDS);
    await other.train(sliceOf(own, 60));
    expect((await other.evaluate({ samples: own, batchSize: 8 })).top1).toBeGreaterThan(0.9);
  });

  it('gives the same bits again, and after all tensors were moved to a new session in between', async () => {
    const augmentation = { kind: 'resized-crop', areaRange: [0.5, 1], aspectRange: [0.75, 1.33], horizontalFlip: true, verticalFlip: true } as const;
    const thresholds = { thresholds: { 'conv.weight': 0.15, 'fc.weight': 0.05 }, lower: 0.9, upper: 1.1 };
    const surgery = { gamma: 0.2, power: 1, firstStep: 0, stopStep: 100 };
    const changes = { augmentation: { ...augmentation, areaRange: [0.5, 1] as [number, number], aspectRange: [0.75, 1.33] as [number, number] }, dropout: true, weightDecay: 1e-3, surgery };
    const run = async (splitAt: number | null) => {
      let current = await freshSession(convolutional);
      let own = samplesOf(await current.attachImages(images.file), RECORDS);
      await current.setThresholds(thresholds);
      if (splitAt !== null) {
        await current.train(sliceOf(own, splitAt, changes));
        const described = current.describeParameters();
        const next = await Session.create(optionsOf(convolutional));
        await next.setThresholds(thresholds);
        for (const role of ['parameter', 'shadow', 'mask', 'momentum'] as const) {
          const names = described
            .filter((p) => role === 'parameter' || (role === 'momentum' ? !p.kind.startsWith('running') : p.prunable))
            .map((p) => p.name);
          await next.setTensors({ role, tensors: await current.getTensors({ role, names }) });
        }
        await current.dispose();
        current = next;
        own = samplesOf(await current.attachImages(images.file), RECORDS);
      }
      const first = splitAt ?? 0;
      await current.train(sliceOf(own, 20 - first, { ...changes, firstStep: first }));
      const names = current.describeParameters().map((p) => p.name);
      const parameters = await current.getTensors({ role: 'parameter', names });
      const shadow = await current.getTensors({ role: 'shadow', names: ['conv.weight', 'fc.weight'] });
      await current.dispose();
      return { parameters, shadow };
    };
    const expected = await run(null);
    expect(await run(null)).toEqual(expected);
    expect(await run(9)).toEqual(expected);
  });

  it('keeps the event loop turning while it trains', async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    const result = await session.train(sliceOf(samples, 300));
    clearInterval(timer);
    expect(result.steps).toBe(300);
    // Timers are late on a loaded machine, but a blocked loop would give none at all.
    expect(turns).toBeGreaterThan(5);
  });

  it('ends a training slice after the step under way when aborted, and resolves with what was done', async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const result = await session.train(sliceOf(samples, 100_000), { signal: controller.signal });
    expect(result.steps).toBeLessThan(100_000);
    expect(result.images).toBe(result.steps * 8);
    // The next slice is not stopped by the old request.
    expect((await session.train(sliceOf(samples, 3))).steps).toBe(3);
  });

  it('rejects an aborted evaluation with AbortedError', async () => {
    await expect(session.evaluate({ samples, batchSize: 1 }, { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'E_ABORTED',
    });
    const many = { ...samples, records: new Uint32Array(50_000), labels: new Int32Array(50_000) };
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 20);
    await expect(session.evaluate({ samples: many, batchSize: 1 }, { signal: controller.signal })).rejects.toMatchObject({
      code: 'E_ABORTED',
    });
  });

  it('answers a second call with E_BUSY while one runs, sync and async', async () => {
    const running = session.train(sliceOf(samples, 50));
    await expect(session.evaluate({ samples, batchSize: 4 })).rejects.toMatchObject({ code: 'E_BUSY', name: 'BusyError' });
    expect(() => session.countKept()).toThrow(expect.objectContaining({ code: 'E_BUSY' }));
    await expect(running).resolves.toMatchObject({ steps: 50 });
  });

  it('waits for the running slice when disposed, is disposed of once, and says so after', async () => {
    const running = session.train(sliceOf(samples, 30));
    const order: string[] = [];
    await Promise.all([
      running.then(() => order.push('trained')),
      session.dispose().then(() => order.push('disposed')),
      session.dispose().then(() => order.push('disposed')),
    ]);
    expect(order).toEqual(['trained', 'disposed', 'disposed']);
    await session.dispose();
    await expect(session.evaluate({ samples, batchSize: 4 })).rejects.toMatchObject({ code: 'E_DISPOSED' });
    expect(() => session.describeParameters()).toThrow(expect.objectContaining({ code: 'E_DISPOSED' }));
  });

  it.each([
    ['a record past the end', { records: Uint32Array.of(RECORDS), labels: Int32Array.of(0) }, /record numbers below 30 but sample 0 has 30/],
    ['a label past the classes', { records: Uint32Array.of(0, 1), labels: Int32Array.of(0, 3) }, /labels from 0 to 2 but sample 1 has 3/],
    ['a negative label', { records: Uint32Array.of(0), labels: Int32Array.of(-1) }, /labels from 0 to 2/],
    ['labels of another length', { records: Uint32Array.of(0), labels: new Int32Array(2) }, /as many labels as records/],
    ['no samples', { records: new Uint32Array(0), labels: new Int32Array(0) }, /at least one/],
    ['images never attached', { images: 4 }, /attached image file/],
    ['labels of another type', { labels: new Float32Array(RECORDS) as unknown as Int32Array }, /expected a Int32Array for request.samples.labels/],
  ])('refuses %s', async (_, changes, message) => {
    await expect(session.evaluate({ samples: { ...samples, ...changes }, batchSize: 4 })).rejects.toThrow(message);
  });

  it.each([
    ['a NaN learning rate', { learningRates: Float64Array.of(0.1, Number.NaN) }, /learning rates of 0 or more; number 1 is not/],
    ['a negative learning rate', { learningRates: Float64Array.of(-0.1) }, /learning rates/],
    ['a momentum of 1', { momentum: 1 }, /0 <= momentum < 1/],
    ['an infinite weight decay', { weightDecay: Infinity }, /weightDecay/],
    ['a batch of none', { batchSize: 0 }, /batchSize/],
    ['a negative step', { firstStep: -1 }, /steps of 0 or more/],
    ['a crop larger than the image', { augmentation: { kind: 'resized-crop' as const, areaRange: [0.5, 2] as [number, number], aspectRange: [1, 1] as [number, number], horizontalFlip: false, verticalFlip: false } }, /areaRange/],
    ['a step that is no number', { firstStep: '3' as unknown as number }, /expected a whole number for slice.firstStep but received string/],
  ])('refuses to train with %s', async (_, changes, message) => {
    await expect(session.train(sliceOf(samples, 2, changes))).rejects.toThrow(message);
    await expect(session.train(sliceOf(samples, 1))).resolves.toMatchObject({ steps: 1 });
  });

  it('refuses pixels of another type, and a shape that is not theirs', async () => {
    const forward = (pixels: Float32Array, ...shape: number[]) => session.forward({ pixels, shape: shape as [number, number, number, number] });
    await expect(forward(new Float64Array(144) as unknown as Float32Array, 1, 1, 12, 12)).rejects.toThrow(/expected a Uint8Array or Float32Array for request.pixels but received object/);
    await expect(forward(new Float32Array(144), 1, 1, 12, 11)).rejects.toThrow(/four sizes of 1 or more whose product is 144 for request.shape but received \[1, 1, 12, 11\]/);
    await expect(forward(new Float32Array(144), 1, 144)).rejects.toThrow(/received \[1, 144\]/);
    await expect(forward(new Float32Array(144), -1, -1, 12, 12, 1, 1)).rejects.toThrow(/received \[-1, -1, 12, 12, 1, 1\]/);
    await expect(forward(new Float32Array(0), 1, 1, 12, 0)).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  it('refuses tensors of unknown name, wrong length, type or role, before any is written', async () => {
    const before = await tensor(session, 'parameter', 'fc.bias');
    const bias = { 'fc.bias': new Float32Array(3).fill(9) };
    const set = (role: 'parameter' | 'shadow' | 'mask' | 'momentum', tensors: Record<string, Float32Array | Uint8Array>) => session.setTensors({ role, tensors });
    await expect(set('parameter', { ...bias, 'nowhere.weight': new Float32Array(1) })).rejects.toThrow(/no tensor nowhere.weight/);
    await expect(set('parameter', { ...bias, 'conv.bias': new Float32Array(7) })).rejects.toThrow(/expected 8 entries for the parameter of conv.bias but received 7/);
    await expect(set('mask', { 'conv.weight': new Uint8Array(72).fill(2) })).rejects.toThrow(/only 0 and 1/);
    await expect(set('mask', { 'fc.bias': new Uint8Array(3) })).rejects.toThrow(/fc.bias has no mask/);
    await expect(set('momentum', { 'norm.running_mean': new Float32Array(8) })).rejects.toThrow(/has no momentum/);
    await expect(set('parameter', { 'fc.bias': new Uint8Array(3) })).rejects.toThrow(/Float32Array/);
    expect(await tensor(session, 'parameter', 'fc.bias')).toEqual(before);
  });

  it('stops with E_NUMERICS naming the step once the loss is not finite', async () => {
    await session.setTensors({ role: 'parameter', tensors: { 'fc.bias': Float32Array.of(NaN, 0, 0) } });
    await expect(session.train(sliceOf(samples, 5, { firstStep: 40 }))).rejects.toMatchObject({ code: 'E_NUMERICS', message: expect.stringContaining('step 40') as string });
    await expect(session.evaluate({ samples, batchSize: 4 })).rejects.toMatchObject({ code: 'E_NUMERICS' });
  });

  it('goes on after a loss that was not finite, with the running statistics of before that step', async () => {
    const names = session.describeParameters().map((parameter) => parameter.name);
    const statistics = names.filter((name) => name.includes('.running_'));
    // This step throws the weights far away; the next cannot compute a loss by them.
    await session.train(sliceOf(samples, 1, { learningRates: Float64Array.of(1e38) }));
    const before = await session.getTensors({ role: 'parameter', names: statistics });
    await expect(session.train(sliceOf(samples, 3, { firstStep: 1 }))).rejects.toMatchObject({ code: 'E_NUMERICS' });
    expect(await session.getTensors({ role: 'parameter', names: statistics })).toEqual(before);
    await session.initializeParameters({ names: names.filter((name) => !statistics.includes(name)), seed: 5 });
    await session.train(sliceOf(samples, 60, { firstStep: 1, learningRates: new Float64Array(60).fill(0.01) }));
    expect((await session.evaluate({ samples, batchSize: 8 })).top1).toBeGreaterThan(0.9);
  });

  it('refuses an image file that is missing, too short or too small for the network', async () => {
    await expect(session.attachImages({ ...images.file, records: RECORDS + 1 })).rejects.toMatchObject({ code: 'E_IO', path: images.file.path });
    await expect(session.attachImages({ ...images.file, path: '/nowhere' })).rejects.toMatchObject({ code: 'E_IO' });
    await expect(session.attachImages({ ...images.file, height: 8, records: 60 })).rejects.toThrow(/at least 12 x 12/);
    await expect(session.attachImages({ ...images.file, offset: -1 })).rejects.toMatchObject({ code: 'E_USAGE' });
  });

  it('gives errors the stack of the caller', async () => {
    async function theCaller() {
      await session.setTensors({ role: 'mask', tensors: { nowhere: new Uint8Array(1) } });
    }
    const error = await theCaller().catch((thrown: unknown) => thrown as Error);
    expect((error as Error).stack).toContain('theCaller');
    expect((error as Error).stack).toContain('UsageError: the network has no tensor nowhere');
  });

  it('works beside another session at the same time', async () => {
    await using other = await freshSession(convolutional);
    const own = samplesOf(await other.attachImages(images.file), RECORDS);
    const results = await Promise.all([session.train(sliceOf(samples, 20)), other.train(sliceOf(own, 20))]);
    expect(results[0].loss).toBe(results[1].loss);
  });
});

it('gives logits of their own memory where the network only passes the pixels on', async () => {
  const graph: Graph = {
    input: { channels: 3, height: 1, width: 1 },
    nodes: [
      { name: 'drop', op: 'Dropout', inputs: ['input'], attributes: { ratio: 0.5 } },
      { name: 'flat', op: 'Flatten', inputs: ['drop'], attributes: { axis: 1 } },
    ],
    output: 'flat',
    head: '',
    classes: 3,
  };
  const normalization = { channelOrder: 'RGB' as const, scale: 1, mean: [0, 0, 0], std: [1, 1, 1] };
  await using session = await Session.create(optionsOf(graph, { normalization }));
  const pixels = Float32Array.of(1, 2, 3);
  const { logits } = await session.forward({ pixels, shape: [1, 3, 1, 1] });
  pixels.fill(9);
  expect(logits).toEqual(Float32Array.of(1, 2, 3));
  const input = Float32Array.of(1, 2, 3);
  const result = await session.gradients({ input, shape: [1, 3, 1, 1], labels: Int32Array.of(0) });
  input.fill(9);
  expect(result.logits).toEqual(Float32Array.of(1, 2, 3));
  expect(result.gradients).toEqual({});
});

it('answers foreign handles with a plain message', async () => {
  const addon = loadAddon();
  for (const handle of [null, undefined, 7, {}, [], Object.create({}), () => 0]) {
    const foreign = handle as unknown as SessionHandle;
    expect(() => addon.countKept(foreign)).toThrow('expected a session made by createSession');
    await expect(addon.disposeSession(foreign)).rejects.toThrow('expected a session made by createSession');
  }
});

describe('processes', () => {
  // Plain JavaScript against the addon itself: a thread or child has no TypeScript.
  const script = (end: string) => `
    const { parentPort } = require('node:worker_threads');
    const addon = require(${JSON.stringify(addonStatus().addon)});
    const graph = ${JSON.stringify(linear)};
    const options = ${JSON.stringify(optionsOf(linear))};
    (async () => {
      const session = await addon.createSession(options);
      const images = await addon.attachImages(session, IMAGES);
      const samples = { images, records: new Uint32Array(12), labels: new Int32Array(12) };
      const slice = { ...SLICE, samples, learningRates: new Float64Array(1e6).fill(0.01) };
      ${end}
    })();`;
  const withImages = (images: Images, end: string) => {
    const { samples: _, learningRates: __, ...rest } = sliceOf(samplesOf(0, 1), 1);
    return script(end).replace('IMAGES', JSON.stringify(images.file)).replace('SLICE', JSON.stringify(rest));
  };
  const run = promisify(execFile);

  it.each([
    ['by process.exit while a slice runs', "addon.train(session, slice); setTimeout(() => process.exit(7), 100);", 7],
    ['by itself once nothing is left to do', "await addon.evaluate(session, { samples, batchSize: 4 });", 0],
    ['after an exception while a slice runs', "addon.train(session, slice); setTimeout(() => { throw new Error('out'); }, 100);", 1],
  ])('end %s', async (_, end, code) => {
    using images = writeImages(12, 4);
    const file = join(images.file.path, '..', 'child.cjs');
    writeFileSync(file, withImages(images, end));
    const exit = await run(process.execPath, [file], { timeout: 60_000 }).then(
      () => 0,
      (error: unknown) => {
        const { signal, code } = error as { code: unknown; signal: unknown };
        return signal ?? code;
      },
    );
    expect(exit).toBe(code);
  });

  it('may end a worker thread while its slice runs, and use the addon in another', async () => {
    using images = writeImages(12, 4);
    const busy = new Worker(withImages(images, "addon.train(session, slice); setTimeout(() => parentPort.postMessage('training'), 50);"), { eval: true });
    await new Promise((resolve) => busy.once('message', resolve));
    await busy.terminate();
    const done = new Worker(withImages(images, "parentPort.postMessage((await addon.evaluate(session, { samples, batchSize: 4 })).images);"), { eval: true });
    // Listened for from the start: a thread that ends quickly has its last message and its end delivered in one go.
    const exit = new Promise((resolve) => done.once('exit', resolve));
    const answer = await new Promise((resolve, reject) => done.once('message', resolve).once('error', reject));
    expect(answer).toBe(12);
    expect(await exit).toBe(0);
  });

  it('refuse a session where the system begins no more threads, and make it once it does', async () => {
    using images = writeImages(12, 4);
    const file = join(images.file.path, '..', 'child.cjs');
    // Memory for one more stack or two; a limit of the number of threads would not bind root.
    const end = `
      const { execFileSync } = require('node:child_process');
      const limitMemory = (bytes) => execFileSync('prlimit', ['--pid', String(process.pid), '--as=' + bytes + ':']);
      const [pages] = require('node:fs').readFileSync('/proc/self/statm', 'utf8').split(' ');
      const sessions = [];
      let code;
      limitMemory(4096 * pages + 20e6);
      while (code === undefined && sessions.length < 50) {
        await addon.createSession(options).then((made) => sessions.push(made), (error) => (code = error.code));
      }
      limitMemory('unlimited');
      await addon.createSession(options);
      console.log(code);`;
    writeFileSync(file, withImages(images, end));
    const { stdout } = await run(process.execPath, [file], { timeout: 60_000 });
    expect(stdout).toBe('E_OOM\n');
  });

  it('do not grow with sessions that come and go', async () => {
    using images = writeImages(12, 4);
    const file = join(images.file.path, '..', 'child.cjs');
    const end = `
      const cycle = async () => {
        const other = await addon.createSession(options);
        await addon.attachImages(other, IMAGES2);
        await addon.disposeSession(other);
      };
      for (let i = 0; i < 20; i++) await cycle();
      const before = process.memoryUsage().rss;
      for (let i = 0; i < 200; i++) await cycle();
      console.log(process.memoryUsage().rss - before);`.replace('IMAGES2', JSON.stringify(images.file));
    writeFileSync(file, withImages(images, end));
    const { stdout } = await run(process.execPath, [file], { timeout: 100_000 });
    // A leaked thread stack or parameter set would show many times over.
    expect(Number(stdout)).toBeLessThan(40e6);
  });
});
