/** The commands, in the order in which --help lists them. Each loads its work only when it runs. */

import type { Command, CommandGroup } from '../command.js';
import { benchCommands } from './bench/index.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { exportCommand } from './export.js';
import { inspectCommand } from './inspect.js';
import { installCommand } from './install.js';
import { packCommand } from './pack.js';
import { predictCommand } from './predict.js';
import { reportCommand } from './report.js';
import { tuneCommand } from './tune.js';
import { unpackCommand } from './unpack.js';

export const commands: readonly (Command | CommandGroup)[] = [
  tuneCommand,
  evaluateCommand,
  predictCommand,
  inspectCommand,
  exportCommand,
  packCommand,
  unpackCommand,
  reportCommand,
  benchCommands,
  doctorCommand,
  installCommand,
];
