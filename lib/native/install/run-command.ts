import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a finished child process left behind. */
export interface CommandOutput {
  /** Exit status; null where it was killed by a signal. */
  status: number | null;
  /** Lines of stdout and stderr together, in the order they came. */
  lines: string[];
  /** Stdout alone. */
  stdout: string;
  /** There is no such program. */
  notFound: boolean;
}

export interface RunOptions {
  cwd?: string;
  env?: NodeJS.ProcessEnv;
  signal?: AbortSignal | undefined;
  /** Told every line of stdout and stderr as it comes. */
  onLine?: (line: string) => void;
}

/**
 * Runs a program without a shell and waits for it. Never rejects for what the program does; rejects with the signal's
 * reason where `signal` aborts, after the program was killed.
 */
export async function runCommand(program: string, args: string[], options: RunOptions = {}): Promise<CommandOutput> {
  options.signal?.throwIfAborted();
  const child = spawn(program, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const lines: string[] = [];
  const stdout: string[] = [];
  const take = (line: string) => {
    lines.push(line);
    options.onLine?.(line);
  };
  createInterface({ input: child.stdout }).on('line', (line) => {
    stdout.push(line);
    take(line);
  });
  createInterface({ input: child.stderr }).on('line', take);

  const kill = () => child.kill();
  options.signal?.addEventListener('abort', kill, { once: true });
  try {
    const end = await new Promise<{ status: number | null; notFound: boolean }>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => {
        take(error.message);
        resolve({ status: null, notFound: error.code === 'ENOENT' });
      });
      child.once('close', (status) => {
        resolve({ status, notFound: false });
      });
    });
    options.signal?.throwIfAborted();
    return { ...end, lines, stdout: stdout.join('\n') };
  } finally {
    options.signal?.removeEventListener('abort', kill);
  }
}
