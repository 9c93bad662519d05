/** One process a run: a lock file that names its holder, and that a dead holder does not keep. */
import { closeSync, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FileError, RunError, messageOf } from '../errors.js';

interface Holder {
  pid: number;
  host: string;
  /** Start time of the process in clock ticks since boot: tells a process from a later one of the same number. */
  started: string;
}

export interface RunLock {
  /** Gives the run back; idempotent. */
  release(): void;
}

/** Start time of a process of this machine from /proc, or null where there is none such. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name may hold spaces and parentheses: fields are counted after the last ')'. starttime is field 22.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder): boolean {
  // What runs on another host cannot be seen from here: believed to be alive.
  return holder.host !== hostname() || startOf(holder.pid) === holder.started;
}

/**
 * Locks a run directory for this process.
 * @throws RunError naming the process that holds it; FileError where the lock cannot be written.
 */
export function acquireRunLock(directory: string): RunLock {
  const path = join(directory, 'lock');
  const self: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) ?? '' };
  for (let attempt = 0; attempt < 3; attempt++) {
    if (tryCreate(path, self)) return { release: releaser(path) };
    const holder = readHolder(path);
    if (holder !== null && isAlive(holder)) {
      throw new RunError(
        `${directory} is in use by process ${holder.pid} on ${holder.host}; wait for it, or name another folder with --out`,
      );
    }
    rmSync(path, { force: true });
  }
  throw new RunError(`${path} keeps changing hands; another process is starting on the same run`);
}

function tryCreate(path: string, holder: Holder): boolean {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'wx');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new FileError(`cannot write ${path}: ${messageOf(error)}; name another folder with --out`, path, {
      cause: error,
    });
  }
  try {
    writeSync(descriptor, JSON.stringify(holder));
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    throw new FileError(`cannot write ${path}: ${messageOf(error)}`, path, { cause: error });
  } finally {
    closeSync(descriptor);
  }
  return true;
}

function readHolder(path: string): Holder | null {
  try {
    const holder = JSON.parse(readFileSync(path, 'utf8')) as Partial<Holder>;
    if (typeof holder.pid === 'number' && typeof holder.host === 'string' && typeof holder.started === 'string') {
      return { pid: holder.pid, host: holder.host, started: holder.started };
    }
  } catch {
    // A lock cut off while being written has no holder.
  }
  return null;
}

function releaser(path: string): () => void {
  let held = true;
  return () => {
    if (held) rmSync(path, { force: true });
    held = false;
  };
}
