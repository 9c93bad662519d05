/** Runs a program that prints JSON lines, to its end. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { AbortedError, RunError } from '../../errors.js';
import { givenEnvironment } from '../../native/waiting.js';

/** A line the program printed. */
export interface ProgramEvent {
  event: string;
  [field: string]: unknown;
}

export interface ProgramOptions {
  /** For messages. */
  name: string;
  command: string;
  words: readonly string[];
  environment: Record<string, string>;
  signal?: AbortSignal | undefined;
  onEvent: (event: ProgramEvent) => void;
}

/**
 * @returns wall seconds from start to exit.
 * @throws AbortedError after the program answered the signal; RunError with its last words where it failed or cannot start.
 */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const { name, command, words, environment, signal } = options;
  const startedAt = performance.now();
  const child = spawn(command, words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...givenEnvironment(), ...environment },
  });
  let complaints = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (complaints = (complaints + text).slice(-4096)));
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) options.onEvent(JSON.parse(line) as ProgramEvent);
  });
  const stop = (): void => void child.kill('SIGINT');
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', resolve);
    }).catch((error: unknown) => {
      throw new RunError(`${name}: ${command} cannot be started; check its path`, { cause: error });
    });
    if (signal?.aborted)
      throw new AbortedError(`stopped during ${name}; the same command begins that one anew and keeps those before it`);
    if (status !== 0) {
      const last = complaints.trim().split('\n').at(-1) ?? '';
      throw new RunError(`${name} ended with status ${status}: ${last}`);
    }
    return (performance.now() - startedAt) / 1000;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}
