/** Entry of the command line: the only place that touches `process` and sets the exit status. */

import { exitWhenInterrupted } from './interrupt.js';
import { runProgram } from './program.js';

// A reader that went away (`finepune-native tune | head -1`) ends the telling, not the work, which is saved on disk.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

const interrupt = exitWhenInterrupted(process, (line) => process.stderr.write(`${line}\n`));

process.exitCode = await runProgram(process.argv.slice(2), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interrupt.signal,
  onSlowWork: interrupt.arm,
});
interrupt.release();
