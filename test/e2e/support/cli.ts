/** Runs the compiled command as a user does: a process of its own. */

import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const bin = fileURLToPath(new URL('../../../bin/finepune-native.js', import.meta.url));

export interface Outcome {
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface CliOptions {
  cwd?: string;
  /** Largest file the process may write, in KiB: what a full disk looks like to a writer. */
  fileLimitKib?: number;
  /** A file that takes standard output, which then is empty in the outcome. */
  stdoutTo?: string;
  /** Called with all of stdout so far at each piece of it. */
  onStdout?: (stdout: string, child: ChildProcess) => void;
  onStderr?: (stderr: string, child: ChildProcess) => void;
}

/** A folder for one test. */
export function makeFolder(): string {
  return mkdtempSync(join(tmpdir(), 'finepune-e2e-'));
}

/** Image cache of a test file's processes, apart from the user's. */
const cache = join(makeFolder(), 'cache');

export function startCli(
  words: readonly string[],
  options: CliOptions = {},
): { child: ChildProcess; outcome: Promise<Outcome> } {
  const command = [process.execPath, bin, ...words];
  const [program = '', ...rest] =
    options.fileLimitKib === undefined
      ? command
      : ['bash', '-c', `ulimit -f ${options.fileLimitKib}; exec "$@"`, 'bash', ...command];
  const stdoutFile = options.stdoutTo === undefined ? undefined : openSync(options.stdoutTo, 'w');
  const child = spawn(program, rest, {
    cwd: options.cwd ?? makeFolder(),
    env: { ...process.env, FINEPUNE_CACHE: cache, NO_COLOR: '1' },
    stdio: ['ignore', stdoutFile ?? 'pipe', 'pipe'],
  });
  if (stdoutFile !== undefined) closeSync(stdoutFile);
  const outcome = new Promise<Outcome>((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
      options.onStdout?.(stdout, child);
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
      options.onStderr?.(stderr, child);
    });
    child.on('error', reject);
    child.on('close', (status, signal) => {
      resolve({ status, signal, stdout, stderr });
    });
  });
  return { child, outcome };
}

export function runCli(words: readonly string[], options: CliOptions = {}): Promise<Outcome> {
  return startCli(words, options).outcome;
}

/** The events of `tune --json`, as far as they are whole lines. */
export function eventsOf(stdout: string): { event: string; [field: string]: unknown }[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as { event: string });
}
