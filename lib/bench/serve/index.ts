/** `bench serve`: a network served by this package beside onnxruntime and libtorch, in turn in one run. */

import { mkdtemp, rm, stat } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { classCount, writeModelFile, type ModelSpec } from '../../models/index.js';
import { describeMachine } from '../machine.js';
import { median, quantile, rowOf, smallest } from '../statistics.js';
import type { BenchReport, BenchRow, RowListener } from '../types.js';
import { deviceRows } from './device-rows.js';
import { openLibtorch, openOnnxruntime, openServed, type Contender, type Tensors } from './contenders.js';
import { race } from './race.js';
import { residentBytes } from './resident.js';
import { openSubject, type SubjectRequest } from './subjects.js';

export { benchSoak, type BenchSoakOptions } from './soak.js';

export const SWEEP = [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01] as const;

export interface BenchServeOptions {
  /** Names in models/ or paths of specs. */
  models: readonly string[];
  /** Model files of `tune`, measured beside `models`. */
  files?: readonly string[] | undefined;
  /** Shares of weights kept; a model file has its own. */
  densities: readonly number[];
  batches: readonly number[];
  /** 'cpu' or 'cuda:N'; on a GPU ours is compared with our own dense path there, and nothing else. */
  device: string;
  threads?: number | undefined;
  /** Fewest rounds; each contender has a turn a round. */
  rounds: number;
  /** Also run onnxruntime and libtorch; on the CPU. */
  baseline: boolean;
  /** Also start a process for each contender and read its resident memory; on a GPU, ask each for its memory there. */
  memory: boolean;
  signal?: AbortSignal | undefined;
  onRow?: RowListener | undefined;
}

/**
 * Milliseconds of one batch for each network, density and batch size, bytes of the model file and of resident memory.
 * `least` in the ratios compares the fastest batches: whatever else the machine does only ever adds.
 *
 * @throws UsageError onnxruntime-node is missing; SpecError; ModelFileError; AbortedError
 */
export async function benchServe(options: BenchServeOptions): Promise<BenchReport> {
  const rows: BenchRow[] = [];
  const ratios: Record<string, number> = {};
  const add = (row: BenchRow) => {
    rows.push(row);
    options.onRow?.(row);
  };
  const densities = [...new Set(options.densities)];
  const requests: SubjectRequest[] = [
    ...[...new Set(options.models)].map((model) => ({ model, file: false, densities })),
    ...[...new Set(options.files)].map((model) => ({ model, file: true, densities })),
  ];
  const versions: Record<string, string> = {};
  for (const request of requests) Object.assign(versions, await measureSubject(request, options, add, ratios));
  const baseline = Object.keys(versions).length === 0 ? null : versions;
  return { rows, ratios, machine: describeMachine(baseline, options.threads, options.device) };
}

/** Gives the versions of what was measured beside. */
async function measureSubject(
  request: SubjectRequest,
  options: BenchServeOptions,
  add: RowListener,
  ratios: Record<string, number>,
): Promise<Record<string, string>> {
  const { device, threads = availableParallelism() } = options;
  const onCpu = device === 'cpu';
  const { spec, name, full, variants } = await openSubject(request);
  const batch = Math.max(...options.batches);
  const others: Contender[] = [];
  if (options.baseline && onCpu) {
    others.push(await openOnnxruntime(spec, full, threads), await openLibtorch(spec, full, threads));
  }
  const dense = await openServed(spec, full, { device, threads, largestBatch: batch, forms: 'measured-dense' });
  const resident = async (contender: 'onnxruntime' | 'libtorch' | 'dense' | 'finepune', variant: string) => {
    const bytes = await residentBytes({ subject: request, variant, contender, threads, batch }, options.signal);
    const label = contender === 'finepune' ? `${name} ${variant}` : name;
    add(rowOf(`${label}: resident memory, ${contender}`, 'bytes', 'low', [bytes]));
  };
  try {
    if (options.memory && onCpu) {
      for (const { name: other } of [...others, dense]) await resident(other, '');
    }
    if (options.memory && !onCpu) deviceRows(name, 'dense', dense.describe()).forEach(add);
    for (const variant of variants) {
      const tensors = variant.tensors();
      const label = `${name} ${variant.name}`;
      add(rowOf(`${label}: model file`, 'bytes', 'low', [await fileBytes(spec, tensors)]));
      if (options.memory && onCpu) await resident('finepune', variant.name);
      const sparse = await openServed(spec, tensors, { device, threads, largestBatch: batch, forms: 'measured' });
      try {
        if (options.memory && !onCpu) deviceRows(label, 'finepune', sparse.describe()).forEach(add);
        for (const images of new Set(options.batches)) {
          const times = await race([...others, dense, sparse], spec, { ...options, batch: images });
          summarize(`${label}, batch ${images}`, times, add, ratios);
        }
      } finally {
        await sparse.dispose();
      }
    }
  } finally {
    for (const contender of [...others, dense]) await contender.dispose();
  }
  return Object.fromEntries(
    others.flatMap(({ name: other, version }) => (version === undefined ? [] : [[other, version]])),
  );
}

function summarize(
  label: string,
  times: Map<string, number[]>,
  add: RowListener,
  ratios: Record<string, number>,
): void {
  const middle = (name: string) => median(times.get(name) ?? []);
  const least = (name: string) => smallest(times.get(name) ?? []);
  for (const [name, values] of times) {
    add(rowOf(`${label}: ${name}`, 'ms', 'low', values));
    add(rowOf(`${label}: ${name} p99`, 'ms', 'low', [quantile(values, 0.99)]));
  }
  for (const name of [...times.keys()].filter((other) => other !== 'finepune')) {
    ratios[`${label}: ${name} / finepune`] = middle(name) / middle('finepune');
    ratios[`${label}: ${name} / finepune, least`] = least(name) / least('finepune');
  }
  for (const name of [...times.keys()].filter((other) => other !== 'finepune' && other !== 'dense')) {
    ratios[`${label}: ${name} / dense, least`] = least(name) / least('dense');
  }
}

/** Bytes of the model file that holds these weights. */
async function fileBytes(spec: ModelSpec, tensors: Tensors): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'finepune-bench-'));
  try {
    const path = join(folder, 'model.safetensors');
    const labels = Array.from({ length: classCount(spec) }, (_, index) => String(index));
    await writeModelFile(path, { spec, labels, tensors, provenance: null });
    return (await stat(path)).size;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
