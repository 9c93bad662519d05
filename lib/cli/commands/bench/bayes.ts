/** `bench bayes` */
import { defineCommand } from '../../command.js';
import { textFlag } from '../../flags/flag.js';
import { baselineFlags, pythonOf, seedsFlag } from './flags.js';
import { choicesOf } from './lists.js';
import { printBench } from './report.js';

const SEEDS = 10;

export const benchBayesCommand = defineCommand({
  name: 'bayes',
  describe: "The optimizer beside Optuna's, on functions with known minima",
  flags: {
    seeds: seedsFlag(SEEDS),
    parts: textFlag('parts', 'Which of problems,noise,drift,pruning,speed; all if not given'),
    problems: textFlag('problems', 'Which problems, such as branin,hartmann6; all if not given'),
    ...baselineFlags,
  },
  examples: [['$0 bench bayes --python venv/bin/python', 'in turn with the optuna of that Python']],
  run: async (given, _words, context) => {
    const { BAYES_PARTS, PROBLEM_NAMES, benchBayes } = await import('../../../bench/bayes/index.js');
    const { terminal, signal } = context;
    return printBench(context, () =>
      benchBayes({
        seeds: given.seeds ?? SEEDS,
        parts: choicesOf(given.parts, '--parts', BAYES_PARTS) ?? BAYES_PARTS,
        problems: choicesOf(given.problems, '--problems', PROBLEM_NAMES),
        python: pythonOf(given),
        signal,
        onRow: ({ name }) => terminal.note(`measured ${name}`),
        onNote: (text) => terminal.note(text),
      }),
    );
  },
});
