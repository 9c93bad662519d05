/** `bench`: this package beside what people would use instead, in one run on one machine. */
import type { CommandGroup } from '../../command.js';
import { benchBayesCommand } from './bayes.js';
import { benchCodecCommand } from './codec.js';
import { benchSearchCommand } from './search.js';
import { benchServeCommand } from './serve.js';
import { benchTrainCommand } from './train.js';
import { benchTuneCommand } from './tune.js';

export const benchCommands: CommandGroup = {
  name: 'bench',
  describe: 'This package beside what people would use instead, in one run on one machine',
  commands: [
    benchTrainCommand,
    benchSearchCommand,
    benchTuneCommand,
    benchBayesCommand,
    benchServeCommand,
    benchCodecCommand,
  ],
};
