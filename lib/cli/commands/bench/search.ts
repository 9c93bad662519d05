/** `bench search` */
import { resolve } from 'node:path';
import { joinReports } from '../../../bench/join-reports.js';
import type { BenchReport } from '../../../bench/types.js';
import { UsageError } from '../../../errors.js';
import type { ProgressEvent } from '../../../progress.js';
import { type CommandContext, defineCommand } from '../../command.js';
import { type FlagValues, integerFlag, numberFlag, textFlag } from '../../flags/flag.js';
import {
  baselineFlags,
  batchFlag,
  benchDeviceFlag,
  precisionFlag,
  pythonOf,
  seedsFlag,
  taskFlags,
  threadsFlag,
  USUAL_BATCH,
  USUAL_DEVICE,
  usualThreads,
} from './flags.js';
import { choicesOf } from './lists.js';
import { printBench, rowNotes } from './report.js';

const PARTS = ['methods', 'speed'] as const;
const SEEDS = 5;
const EVALUATIONS = 40;
const DROP = 0.05;
const IMAGES = 256;
const ROUNDS = 8;

const flags = {
  ...taskFlags,
  parts: textFlag('parts', `Which of ${PARTS.join(',')}; both if not given`),
  seeds: seedsFlag(SEEDS),
  evals: integerFlag('evals', `methods: evaluations of each search; ${EVALUATIONS} if not given`, { min: 4 }),
  drop: numberFlag('drop', `methods: loss of tune accuracy allowed, a share; ${DROP} if not given`, {
    min: 0,
    below: 1,
  }),
  out: textFlag('out', 'methods: folder of what was measured; the same command goes on from what is there'),
  images: integerFlag('images', `speed: tune images; ${IMAGES} if not given`, { min: 1, max: 100_000 }),
  rounds: integerFlag('rounds', `speed: turns of each side; ${ROUNDS} if not given`, { min: 1, max: 10_000 }),
  batch: batchFlag,
  precision: precisionFlag,
  device: benchDeviceFlag,
  threads: threadsFlag,
  ...baselineFlags,
};

type Given = FlagValues<typeof flags>;

export const benchSearchCommand = defineCommand({
  name: 'search',
  describe: 'The search for thresholds beside other ways to search, and the speed of scoring a candidate',
  flags,
  run: async (given, _words, context) => {
    const parts = choicesOf(given.parts, '--parts', PARTS) ?? PARTS;
    const { model } = given;
    if (model === undefined) {
      throw new UsageError('bench search needs --model, and --weights and --data but for --parts speed');
    }
    const measures: (() => Promise<BenchReport>)[] = [];
    if (parts.includes('methods')) measures.push(await methodsPart({ ...given, model }, context));
    if (parts.includes('speed')) measures.push(await speedPart({ ...given, model }, context));
    return printBench(context, async () => {
      const reports: BenchReport[] = [];
      for (const measure of measures) reports.push(await measure());
      return joinReports(reports);
    });
  },
});

async function methodsPart(
  given: Given & { model: string },
  context: CommandContext,
): Promise<() => Promise<BenchReport>> {
  const { model, weights, data, partial = false, split, out } = given;
  if (weights === undefined || data === undefined) {
    throw new UsageError('bench search needs --weights and --data; --parts speed does without');
  }
  const { benchSearch } = await import('../../../bench/search/index.js');
  const { resolveDevice } = await import('../../../native/device.js');
  return () =>
    benchSearch({
      ...{ model, weights: resolve(weights), data: resolve(data), partial, split },
      batchSize: given.batch ?? USUAL_BATCH,
      threads: given.threads ?? usualThreads,
      precision: given.precision ?? 'fp32',
      device: resolveDevice(given.device ?? USUAL_DEVICE),
      out: out === undefined ? undefined : resolve(out),
      seeds: given.seeds ?? SEEDS,
      evaluations: given.evals ?? EVALUATIONS,
      drop: given.drop ?? DROP,
      signal: context.signal,
      onRow: rowNotes(context),
      onProgress: (event: ProgressEvent) => context.terminal.progress(event),
    });
}

async function speedPart(
  given: Given & { model: string },
  { terminal, signal }: CommandContext,
): Promise<() => Promise<BenchReport>> {
  const { benchCandidateSpeed } = await import('../../../bench/search/candidate-speed.js');
  const { resolveDevice } = await import('../../../native/device.js');
  return () =>
    benchCandidateSpeed({
      model: given.model,
      images: given.images ?? IMAGES,
      batchSize: given.batch ?? USUAL_BATCH,
      threads: given.threads ?? usualThreads,
      precision: given.precision ?? 'fp32',
      device: resolveDevice(given.device ?? USUAL_DEVICE),
      rounds: given.rounds ?? ROUNDS,
      python: pythonOf(given),
      signal,
      onProgress: (text) => terminal.note(text),
      onNote: (text) => terminal.note(text),
    });
}
