/** `bench serve --soak`: many classify calls in concurrent streams, as a service has them for days. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import sharp from 'sharp';
import { Random } from '../../bayes/rng.js';
import { AbortedError } from '../../errors.js';
import { classCount, loadSpec, writeModelFile } from '../../models/index.js';
import { loadModel } from '../../serve/index.js';
import { describeMachine } from '../machine.js';
import { largest, quantile, rowOf } from '../statistics.js';
import type { BenchReport, BenchRow, RowListener } from '../types.js';
import { tensorsOf, variantsOf } from './variants.js';

export interface BenchSoakOptions {
  /** Name in models/ or path of a spec, its weights at a tenth; or path of a model file. */
  model: string;
  file: boolean;
  /** Calls to classify in all, and how many wait for their answer at a time. */
  calls: number;
  streams: number;
  /** 'cpu' or 'cuda:N'. */
  device: string;
  threads?: number | undefined;
  signal?: AbortSignal | undefined;
  onRow?: RowListener | undefined;
}

/** Share of the calls before memory counts as settled. */
const WARM_UP = 0.2;
const IMAGES = 24;
const MIB = 2 ** 20;

/**
 * Latency of a call, delay of the event loop, resident memory after the warm-up and at the end, and calls that failed.
 *
 * @throws SpecError, ModelFileError, FileError; AbortedError
 */
export async function benchSoak(options: BenchSoakOptions): Promise<BenchReport> {
  const folder = await mkdtemp(join(tmpdir(), 'finepune-soak-'));
  try {
    const path = options.file ? options.model : await writeModel(options.model, folder);
    return await soak(path, options);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function soak(path: string, options: BenchSoakOptions): Promise<BenchReport> {
  const { calls, streams, device, threads, signal } = options;
  const images = await makeImages();
  await using model = await loadModel(path, { device, threads });
  const latencies: number[] = [];
  const resident: number[] = [];
  let begun = 0;
  let done = 0;
  let failed = 0;
  // The first calls start threads and compile JavaScript: the event loop is watched from the end of the warm-up on.
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const stream = async () => {
    while (begun < calls) {
      if (signal?.aborted) throw new AbortedError('stopped while measuring', { cause: signal.reason });
      const image = images[begun % images.length];
      begun += 1;
      const start = performance.now();
      try {
        await model.classify(image, { top: 1 });
        latencies.push(performance.now() - start);
      } catch {
        failed += 1;
      }
      done += 1;
      if (done === Math.ceil(WARM_UP * calls)) delay.enable();
      if (done >= WARM_UP * calls && done % Math.ceil(calls / 100) === 0) resident.push(process.memoryUsage.rss());
    }
  };
  const begin = performance.now();
  await Promise.all(Array.from({ length: streams }, stream));
  const seconds = (performance.now() - begin) / 1000;
  delay.disable();
  // Halves, not ends: what the garbage collector has not yet taken comes and goes.
  const middle = Math.ceil(resident.length / 2);
  const early = largest(resident.slice(0, middle));
  const late = largest(resident.slice(middle));
  const rows: BenchRow[] = [
    rowOf(`${streams} streams: latency`, 'ms', 'low', latencies),
    rowOf(`${streams} streams: latency p99`, 'ms', 'low', [quantile(latencies, 0.99)]),
    rowOf('event loop delay p99', 'ms', 'low', [delay.percentile(99) / 1e6]),
    rowOf('resident memory, first half after the warm-up', 'MiB', 'low', [early / MIB]),
    rowOf('resident memory, second half', 'MiB', 'low', [late / MIB]),
    rowOf('failed calls', 'calls', 'low', [failed]),
    rowOf('images a second', '1/s', 'high', [latencies.length / seconds]),
  ];
  for (const row of rows) options.onRow?.(row);
  const ratios = { 'resident memory: second half / first half': late / early };
  return { rows, ratios, machine: describeMachine(null, threads, device) };
}

async function writeModel(name: string, folder: string): Promise<string> {
  const spec = loadSpec(name);
  const [variant] = variantsOf(spec, [0.1]);
  const path = join(folder, 'model.safetensors');
  const labels = Array.from({ length: classCount(spec) }, (_, index) => String(index));
  await writeModelFile(path, { spec, labels, tensors: tensorsOf(spec, variant, 1), provenance: null });
  return path;
}

/** Photographs stood in for by JPEGs of smooth noise, of several sizes. */
async function makeImages(): Promise<Buffer[]> {
  const random = new Random(11);
  return Promise.all(
    Array.from({ length: IMAGES }, (_, index) => {
      const pixels = Buffer.from(Uint8Array.from({ length: 32 * 24 * 3 }, () => 256 * random.uniform()));
      const width = 320 + 40 * (index % 5);
      return sharp(pixels, { raw: { width: 32, height: 24, channels: 3 } })
        .resize(width, Math.round(width * 0.75), { kernel: 'cubic' })
        .jpeg()
        .toBuffer();
    }),
  );
}
