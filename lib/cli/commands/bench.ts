/** `bench`: this package beside what people would use instead, in one run on one machine. */
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { ProgressEvent } from '../../progress.js';
import type { BenchReport, BenchRow } from '../../bench/types.js';
import { UsageError } from '../../errors.js';
import { joinReports } from '../../bench/join-reports.js';
import { TRAIN_VARIANTS } from '../../bench/train/variants.js';
import { TUNE_VARIANTS } from '../../bench/tune/types.js';
import { type CommandContext, defineCommand } from '../command.js';
import { didYouMean } from '../flags/suggest.js';
import { benchFlags, wordsOf } from '../flags/bench-flags.js';
import type { FlagValues } from '../flags/flag.js';
import { renderTable } from '../render/table.js';

type Flags = FlagValues<typeof benchFlags>;

const DEFAULTS = {
  bayesSeeds: 10,
  searchSeeds: 5,
  tuneSeeds: 3,
  evaluations: 40,
  drop: 0.05,
  batch: 32,
  rounds: 8,
  steps: 5,
  images: 256,
};

/** What `bench search` measures. */
const SEARCH_PARTS = ['methods', 'speed'] as const;

const benches: Record<string, (flags: Flags, context: CommandContext) => Promise<BenchReport>> = {
  bayes: async (
    { seeds = DEFAULTS.bayesSeeds, parts, problems, python = 'python3', ...rest },
    { terminal, signal },
  ) => {
    const { BAYES_PARTS, PROBLEM_NAMES, benchBayes } = await import('../../bench/bayes/index.js');
    return benchBayes({
      seeds,
      parts: wordsOf(parts, '--parts', BAYES_PARTS) ?? BAYES_PARTS,
      problems: wordsOf(problems, '--problems', PROBLEM_NAMES),
      python: rest['without-baseline'] === true ? null : python,
      signal,
      onRow: ({ name }) => terminal.note(`measured ${name}`),
      onNote: (text) => terminal.note(text),
    });
  },
  search: async ({ model, weights, data, partial = false, python = 'python3', ...rest }, { terminal, signal }) => {
    const parts = wordsOf(rest.parts, '--parts', SEARCH_PARTS) ?? SEARCH_PARTS;
    if (model === undefined)
      throw new UsageError('bench search needs --model, and --weights and --data but for --parts speed');
    const reports: BenchReport[] = [];
    if (parts.includes('methods')) {
      if (weights === undefined || data === undefined) {
        throw new UsageError('bench search needs --weights and --data; --parts speed does without');
      }
      const { benchSearch } = await import('../../bench/search/index.js');
      const report = await benchSearch({
        model,
        weights,
        data,
        partial,
        split: rest.split,
        threads: rest.threads,
        seeds: rest.seeds ?? DEFAULTS.searchSeeds,
        evaluations: rest.evals ?? DEFAULTS.evaluations,
        drop: rest.drop ?? DEFAULTS.drop,
        signal,
        onRow: ({ name, median }) => terminal.note(`measured ${name}: ${median.toPrecision(3)}`),
        onProgress: (event: ProgressEvent) => terminal.progress(event),
      });
      reports.push(report);
    }
    if (parts.includes('speed')) {
      const { benchCandidateSpeed } = await import('../../bench/search/candidate-speed.js');
      const report = await benchCandidateSpeed({
        model,
        images: rest.images ?? DEFAULTS.images,
        batchSize: rest.batch ?? DEFAULTS.batch,
        threads: rest.threads ?? availableParallelism(),
        precision: rest.precision ?? 'fp32',
        rounds: rest.rounds ?? DEFAULTS.rounds,
        python: rest['without-baseline'] === true ? null : python,
        signal,
        onProgress: (text) => terminal.note(text),
        onNote: (text) => terminal.note(text),
      });
      reports.push(report);
    }
    return joinReports(reports as [BenchReport, ...BenchReport[]]);
  },
  train: async ({ model, python = 'python3', ...rest }, { terminal, signal }) => {
    if (model === undefined) throw new UsageError('bench train needs --model');
    const { benchTrain } = await import('../../bench/train/index.js');
    return benchTrain({
      model,
      batchSize: rest.batch ?? DEFAULTS.batch,
      precision: rest.precision ?? 'fp32',
      threads: rest.threads ?? availableParallelism(),
      rounds: rest.rounds ?? DEFAULTS.rounds,
      steps: rest.steps ?? DEFAULTS.steps,
      augmentation: rest.augmentation ?? 'crop',
      variants: wordsOf(rest.variants, '--variants', TRAIN_VARIANTS) ?? TRAIN_VARIANTS,
      python: rest['without-baseline'] === true ? null : python,
      signal,
      onProgress: (text) => terminal.note(text),
      onNote: (text) => terminal.note(text),
    });
  },
  tune: async ({ model, weights, data, out, python = 'python3', ...rest }, { terminal, signal }) => {
    if (model === undefined || weights === undefined || data === undefined || out === undefined) {
      throw new UsageError('bench tune needs --model, --weights, --data and --out');
    }
    const { benchTune } = await import('../../bench/tune/index.js');
    const task = {
      model,
      weights: resolve(weights),
      data: resolve(data),
      partial: rest.partial,
      split: rest.split,
      rounds: rest.rounds,
      evaluations: rest.evals,
      roundSteps: rest.steps,
      maxDrop: rest['max-drop'],
      warmupSteps: rest['warmup-steps'],
      finetuneSteps: rest['finetune-steps'],
      batchSize: rest.batch,
      precision: rest.precision,
      threads: rest.threads ?? availableParallelism(),
    };
    return benchTune({
      task,
      seeds: rest.seeds ?? DEFAULTS.tuneSeeds,
      out: resolve(out),
      variants: wordsOf(rest.variants, '--variants', TUNE_VARIANTS) ?? ['idiomatic'],
      python: rest['without-baseline'] === true ? null : python,
      signal,
      onProgress: (event) => terminal.progress(event),
      onNote: (text) => terminal.note(text),
    });
  },
};

export const benchCommand = defineCommand({
  name: 'bench',
  describe: 'This package beside what people would use instead, in one run on one machine',
  positionals: [{ name: 'what', describe: `One of ${Object.keys(benches).join(', ')}`, required: true }],
  flags: benchFlags,
  examples: [
    ['$0 bench bayes --python venv/bin/python', "the optimizer beside Optuna's, on functions with known minima"],
    ['$0 bench train --model alexnet --python venv/bin/python', "masked training steps beside PyTorch's"],
  ],
  run: async (given, { what: [what = ''] = [] }, context) => {
    const bench = benches[what] as (typeof benches)[string] | undefined;
    if (bench === undefined) {
      const names = Object.keys(benches);
      throw new UsageError(`unknown benchmark "${what}"${didYouMean(what, names)}; there are ${names.join(', ')}`);
    }
    context.onSlowWork('interrupted: stopping after the measurement under way');
    const report = await bench(given, context);
    if (context.json) context.terminal.json(report);
    else context.terminal.print(renderReport(report));
    return 0;
  },
});

function renderReport({ rows, ratios, machine }: BenchReport): string {
  const table = renderTable(
    [
      { title: 'measured', align: 'left' },
      { title: 'unit', align: 'left' },
      { title: 'median', align: 'right' },
      { title: 'worst', align: 'right' },
      { title: 'seconds', align: 'right' },
    ],
    rows.map(cellsOf),
  );
  const lines = Object.entries(ratios).map(([name, ratio]) => `${name}: ${ratio.toPrecision(3)}`);
  return [table, ...lines, `${machine.cpu}, ${machine.threads} threads, node ${machine.node}`].join('\n');
}

function cellsOf({ name, unit, median, worst, medianSeconds }: BenchRow): string[] {
  return [name, unit, median.toPrecision(3), worst.toPrecision(3), medianSeconds?.toFixed(2) ?? ''];
}
