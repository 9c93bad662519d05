/** The two streams of the command line, kept from writing over one another: results on stdout, progress and errors on stderr. */

import type { OutputStream } from './output-stream.js';
import { ProgressBars } from './progress-bars.js';
import { ProgressLines } from './progress-lines.js';
import type { Progress, ProgressView } from './progress.js';

export interface TerminalOptions {
  stdout: OutputStream;
  stderr: OutputStream;
  /** No progress: standard output is for a program, and nobody reads bars. */
  quiet?: boolean;
  /** Milliseconds of a clock that never runs backwards; a test gives its own. */
  now?: () => number;
}

/** Writes lines and progress. Bars are redrawn in place on a terminal; elsewhere progress is a plain line now and then. */
export class Terminal {
  private readonly stdout: OutputStream;
  private readonly stderr: OutputStream;
  private readonly view: ProgressView | undefined;

  constructor({ stdout, stderr, quiet = false, now = () => performance.now() }: TerminalOptions) {
    this.stdout = stdout;
    this.stderr = stderr;
    if (!quiet) this.view = stderr.isTTY === true ? new ProgressBars(stderr, now) : new ProgressLines(stderr, now);
  }

  /** A result, or a line of a story, on standard output. */
  print(text: string): void {
    this.view?.clear();
    this.stdout.write(`${text}\n`);
    this.view?.redraw();
  }

  /** A warning or an error on standard error. */
  note(text: string): void {
    this.view?.clear();
    this.stderr.write(`${text}\n`);
    this.view?.redraw();
  }

  /** One JSON value on standard output: on one line for a stream of events, indented for a single result. */
  json(value: unknown, indent: 0 | 2 = 2): void {
    this.stdout.write(`${JSON.stringify(value, null, indent)}\n`);
  }

  progress(progress: Progress): void {
    this.view?.update(progress);
  }

  /** Leaves the last bar where it stands. */
  close(): void {
    this.view?.finish();
  }
}
