/** `bench search` */
import { UsageError } from '../../../errors.js';
import type { ProgressEvent } from '../../../progress.js';
import { defineCommand } from '../../command.js';
import { integerFlag, numberFlag, switchFlag, textFlag } from '../../flags/flag.js';
import { seedsFlag, threadsFlag } from './flags.js';
import { printBench, rowNotes } from './report.js';

const SEEDS = 5;
const EVALUATIONS = 40;
const DROP = 0.05;

export const benchSearchCommand = defineCommand({
  name: 'search',
  describe: 'One search for thresholds on a network and images, beside other ways to search',
  flags: {
    model: textFlag('model', 'Network: a name in models/ or the path of a spec'),
    weights: textFlag('weights', 'Its pre-trained weights'),
    partial: switchFlag('partial', 'Let parameters that the weight file lacks start fresh'),
    data: textFlag('data', 'Folder of labelled images, in the layouts of tune'),
    split: integerFlag('split', 'Official split', { min: 1 }),
    seeds: seedsFlag(SEEDS),
    evals: integerFlag('evals', `Evaluations of each search; ${EVALUATIONS} if not given`, { min: 4 }),
    drop: numberFlag('drop', `Loss of tune accuracy allowed, a share; ${DROP} if not given`, { min: 0, below: 1 }),
    threads: threadsFlag,
  },
  run: async ({ model, weights, data, partial = false, split, threads, ...rest }, _words, context) => {
    if (model === undefined || weights === undefined || data === undefined) {
      throw new UsageError('bench search needs --model, --weights and --data');
    }
    const { benchSearch } = await import('../../../bench/search/index.js');
    return printBench(context, () =>
      benchSearch({
        ...{ model, weights, data, partial, split, threads },
        seeds: rest.seeds ?? SEEDS,
        evaluations: rest.evals ?? EVALUATIONS,
        drop: rest.drop ?? DROP,
        signal: context.signal,
        onRow: rowNotes(context),
        onProgress: (event: ProgressEvent) => context.terminal.progress(event),
      }),
    );
  },
});
