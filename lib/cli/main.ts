/** Entry of the command line: the only place that touches `process` and sets the exit status. */

import { exitWhenInterrupted } from './interrupt.js';
import { runProgram } from './program.js';
import { GuardedStream } from './render/guarded-stream.js';

const stdout = new GuardedStream(process.stdout);
const stderr = new GuardedStream(process.stderr);
const interrupt = exitWhenInterrupted(process, (line) => stderr.write(`${line}\n`));

process.exitCode = await runProgram(process.argv.slice(2), {
  stdout,
  stderr,
  signal: interrupt.signal,
  onSlowWork: interrupt.arm,
});
interrupt.release();
