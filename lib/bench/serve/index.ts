/** `bench serve`: a network served by this package beside onnxruntime and libtorch, in turn in one run. */

import { availableParallelism } from 'node:os';
import { Random } from '../../bayes/rng.js';
import { AbortedError } from '../../errors.js';
import { loadSpec, type ModelSpec } from '../../models/index.js';
import { describeMachine } from '../machine.js';
import { median, rowOf } from '../statistics.js';
import type { BenchReport, BenchRow, RowListener } from '../types.js';
import { openLibtorch, openOnnxruntime, openServed, type Contender } from './contenders.js';
import { tensorsOf, variantsOf } from './variants.js';

export const SWEEP = [1, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01] as const;

export interface BenchServeOptions {
  /** Names in models/ or paths of specs. */
  models: readonly string[];
  /** Shares of weights kept. */
  densities: readonly number[];
  batches: readonly number[];
  threads?: number | undefined;
  /** Rounds; each contender runs once a round. */
  rounds: number;
  /** Also run onnxruntime and libtorch. */
  baseline: boolean;
  signal?: AbortSignal | undefined;
  onRow?: RowListener | undefined;
}

/** Kept short in total: a round of all contenders is repeated until this is used up, but at least `rounds` times. */
const SECONDS_EACH = 0.25;

/**
 * Milliseconds of one batch for each network, density and batch size; `worst` of a row is the slowest, `least` in the
 * ratios the fastest round: whatever else the machine does only ever adds.
 *
 * @throws UsageError onnxruntime-node is missing; SpecError; AbortedError
 */
export async function benchServe(options: BenchServeOptions): Promise<BenchReport> {
  const threads = options.threads ?? availableParallelism();
  const rows: BenchRow[] = [];
  const ratios: Record<string, number> = {};
  const add = (row: BenchRow) => {
    rows.push(row);
    options.onRow?.(row);
  };
  for (const model of options.models) {
    const spec = loadSpec(model);
    const full = tensorsOf(spec, { name: '100%', density: 1 }, 1);
    const others: Contender[] = [];
    if (options.baseline) {
      others.push(await openOnnxruntime(spec, full, threads), await openLibtorch(spec, full, threads));
    }
    const largestBatch = Math.max(...options.batches);
    const dense = await openServed(spec, full, { threads, largestBatch, forms: 'dense' });
    for (const variant of variantsOf(spec, options.densities)) {
      const tensors = tensorsOf(spec, variant, 1);
      const sparse = await openServed(spec, tensors, { threads, largestBatch, forms: 'measured' });
      add(rowOf(`${spec.name} ${variant.name}: memory`, 'bytes', 'low', [sparse.bytes ?? Number.NaN]));
      for (const batch of options.batches) {
        options.signal?.throwIfAborted();
        const label = `${spec.name} ${variant.name}, batch ${batch}`;
        const times = await race([...others, dense, sparse], spec, batch, options);
        for (const [name, values] of times) {
          add(rowOf(`${label}: ${name}`, 'ms', 'low', values));
          add(rowOf(`${label}: ${name} p99`, 'ms', 'low', [quantile(values, 0.99)]));
        }
        const least = (name: string) => Math.min(...(times.get(name) ?? [Number.NaN]));
        ratios[`${label}: dense / finepune, least`] = least('dense') / least('finepune');
        if (options.baseline) {
          for (const name of ['onnxruntime', 'libtorch']) {
            ratios[`${label}: ${name} / finepune`] =
              median(times.get(name) ?? []) / median(times.get('finepune') ?? []);
            ratios[`${label}: ${name} / finepune, least`] = least(name) / least('finepune');
            ratios[`${label}: ${name} / dense, least`] = least(name) / least('dense');
          }
        }
      }
      await sparse.dispose();
    }
    for (const contender of [...others, dense]) await contender.dispose();
  }
  return { rows, ratios, machine: describeMachine(null) };
}

/** Milliseconds a batch by contender, one after the other round by round; the first round warms up. */
async function race(
  contenders: readonly Contender[],
  spec: ModelSpec,
  batch: number,
  { rounds, signal }: BenchServeOptions,
): Promise<Map<string, number[]>> {
  const { channels, size } = spec.input;
  const random = new Random(7);
  const input = Float32Array.from({ length: batch * channels * size * size }, () => random.uniform() - 0.5);
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const begin = performance.now();
  for (
    let round = 0;
    round <= rounds || performance.now() - begin < SECONDS_EACH * 1000 * contenders.length;
    round += 1
  ) {
    if (signal?.aborted) throw new AbortedError('stopped while measuring', { cause: signal.reason });
    for (const contender of contenders) {
      const start = performance.now();
      await contender.run(input, [batch, channels, size, size]);
      if (round > 0) times.get(contender.name)?.push(performance.now() - start);
    }
  }
  return times;
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
