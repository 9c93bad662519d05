/** The commands, in the order in which --help lists them. Each loads its work only when it runs. */

import type { Command } from '../command.js';
import { benchCommand } from './bench.js';
import { doctorCommand } from './doctor.js';
import { evaluateCommand } from './evaluate.js';
import { inspectCommand } from './inspect.js';
import { installCommand } from './install.js';
import { packCommand } from './pack.js';
import { predictCommand } from './predict.js';
import { reportCommand } from './report.js';
import { tuneCommand } from './tune.js';
import { unpackCommand } from './unpack.js';

export const commands: readonly Command[] = [
  tuneCommand,
  evaluateCommand,
  predictCommand,
  inspectCommand,
  packCommand,
  unpackCommand,
  reportCommand,
  benchCommand,
  doctorCommand,
  installCommand,
];
