/** `bench`: this package beside what people would use instead, in one run on one machine. */

import type { ProgressEvent } from '../../progress.js';
import type { BenchReport, BenchRow } from '../../bench/types.js';
import { UsageError } from '../../errors.js';
import { type CommandContext, defineCommand } from '../command.js';
import { didYouMean } from '../flags/suggest.js';
import { type FlagValues, integerFlag, numberFlag, switchFlag, textFlag } from '../flags/flag.js';
import { renderTable } from '../render/table.js';

const flags = {
  seeds: integerFlag('seeds', 'Repetitions, seeded 1 to this; bayes 10, search 5 if not given', { min: 1, max: 1000 }),
  model: textFlag('model', 'search: network, a name in models/ or the path of a spec; serve: a model file'),
  weights: textFlag('weights', 'search: its pre-trained weights'),
  partial: switchFlag('partial', 'search: let parameters that the weight file lacks start fresh'),
  data: textFlag('data', 'search: folder of labelled images, in the layouts of tune'),
  split: integerFlag('split', 'search: official split', { min: 1 }),
  evals: integerFlag('evals', 'search: evaluations of each search; 40 if not given', { min: 4 }),
  drop: numberFlag('drop', 'search: loss of tune accuracy allowed, a share; 0.05 if not given', { min: 0, below: 1 }),
  threads: integerFlag('threads', 'search, serve: CPU threads', { min: 1, max: 1024 }),
  parts: textFlag('parts', 'bayes: which of problems,noise,drift,pruning,speed; all if not given'),
  problems: textFlag('problems', 'bayes: which problems, such as branin,hartmann6; all if not given'),
  models: textFlag('models', 'serve: networks, separated by commas; alexnet,squeezenet1_1,resnet18 if not given'),
  densities: textFlag('densities', 'serve: shares of weights kept, such as 1,0.3,0.1; from 1 to 0.01 if not given'),
  batches: textFlag('batches', 'serve: images at once; 1,32 if not given'),
  rounds: integerFlag('rounds', 'serve: fewest rounds; 5 if not given', { min: 1, max: 100_000 }),
  soak: switchFlag('soak', 'serve: many calls in concurrent streams instead, of the first network or the model file'),
  calls: integerFlag('calls', 'serve --soak: calls in all; 10000 if not given', { min: 1, max: 100_000_000 }),
  streams: integerFlag('streams', 'serve --soak: calls at a time; 16 if not given', { min: 1, max: 4096 }),
  'without-memory': switchFlag('without-memory', 'serve: do not start processes to read their memory'),
  python: textFlag('python', 'Python with the packages of the baseline; python3 if not given'),
  'without-baseline': switchFlag('without-baseline', 'Measure this package alone'),
};

type Flags = FlagValues<typeof flags>;

const DEFAULTS = {
  bayesSeeds: 10,
  searchSeeds: 5,
  evaluations: 40,
  drop: 0.05,
  models: 'alexnet,squeezenet1_1,resnet18',
  batches: [1, 32],
  rounds: 5,
  calls: 10_000,
  streams: 16,
};

const benches: Record<string, (flags: Flags, context: CommandContext) => Promise<BenchReport>> = {
  bayes: async (
    { seeds = DEFAULTS.bayesSeeds, parts, problems, python = 'python3', ...rest },
    { terminal, signal },
  ) => {
    const { BAYES_PARTS, PROBLEM_NAMES, benchBayes } = await import('../../bench/bayes/index.js');
    return benchBayes({
      seeds,
      parts: words(parts, '--parts', BAYES_PARTS) ?? BAYES_PARTS,
      problems: words(problems, '--problems', PROBLEM_NAMES),
      python: rest['without-baseline'] === true ? null : python,
      signal,
      onRow: ({ name }) => terminal.note(`measured ${name}`),
      onNote: (text) => terminal.note(text),
    });
  },
  search: async ({ model, weights, data, partial = false, ...rest }, { terminal, signal }) => {
    if (model === undefined || weights === undefined || data === undefined) {
      throw new UsageError('bench search needs --model, --weights and --data');
    }
    const { benchSearch } = await import('../../bench/search/index.js');
    return benchSearch({
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
  },
  serve: async ({ model, models, densities, batches, threads, rounds, ...rest }, { terminal, signal }) => {
    const { benchServe, benchSoak, SWEEP } = await import('../../bench/serve/index.js');
    const onRow = ({ name, median, unit }: BenchRow) =>
      terminal.note(`measured ${name}: ${median.toPrecision(3)} ${unit}`);
    if (rest.soak === true) {
      const [first] = (models ?? DEFAULTS.models).split(',');
      return benchSoak({
        model: model ?? first,
        file: model !== undefined,
        calls: rest.calls ?? DEFAULTS.calls,
        streams: rest.streams ?? DEFAULTS.streams,
        threads,
        signal,
        onRow,
      });
    }
    return benchServe({
      // A model file alone, unless others are asked for by name.
      models: (models ?? (model === undefined ? DEFAULTS.models : undefined))?.split(',') ?? [],
      files: model === undefined ? [] : [model],
      densities: shares(densities, '--densities') ?? SWEEP,
      batches: counts(batches, '--batches') ?? DEFAULTS.batches,
      threads,
      rounds: rounds ?? DEFAULTS.rounds,
      baseline: rest['without-baseline'] !== true,
      memory: rest['without-memory'] !== true,
      signal,
      onRow,
    });
  },
};

export const benchCommand = defineCommand({
  name: 'bench',
  describe: 'This package beside what people would use instead, in one run on one machine',
  positionals: [{ name: 'what', describe: `One of ${Object.keys(benches).join(', ')}`, required: true }],
  flags,
  examples: [
    ['$0 bench bayes --python venv/bin/python', "the optimizer beside Optuna's, on functions with known minima"],
    ['$0 bench serve --models alexnet --batches 1', 'milliseconds an image beside onnxruntime and libtorch'],
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

/** Numbers above 0 and up to 1. @throws UsageError naming the flag. */
function shares(text: string | undefined, flag: string): number[] | undefined {
  return numbers(text, flag, 'shares above 0 and up to 1', (value) => value > 0 && value <= 1);
}

/** Whole numbers from 1 to 4,096. @throws UsageError naming the flag. */
function counts(text: string | undefined, flag: string): number[] | undefined {
  const fits = (value: number) => Number.isSafeInteger(value) && value >= 1 && value <= 4096;
  return numbers(text, flag, 'whole numbers from 1 to 4096', fits);
}

function numbers(
  text: string | undefined,
  flag: string,
  expected: string,
  fits: (value: number) => boolean,
): number[] | undefined {
  return text?.split(',').map((word) => {
    const value = word.trim() === '' ? Number.NaN : Number(word);
    if (!fits(value)) throw new UsageError(`expected a list of ${expected} for ${flag} but received "${word}"`);
    return value;
  });
}

/** A list given as one word. @throws UsageError naming the flag and the choices. */
function words<Choice extends string>(
  text: string | undefined,
  flag: string,
  choices: readonly Choice[],
): Choice[] | undefined {
  return text?.split(',').map((word) => {
    const choice = choices.find((candidate) => candidate === word);
    if (choice === undefined) {
      throw new UsageError(`expected a list of ${choices.join(', ')} for ${flag} but received "${word}"`);
    }
    return choice;
  });
}
