/**
 * One process a run: a lock file that names its holder, and that a dead holder does not keep.
 *
 * The lock appears with its holder in it: without one it would look like a lock that nobody holds. A dead holder's lock is
 * removed only by whoever holds a second lock, made in the same way, and only if it is still the one that was found dead:
 * of two processes that read the same dead holder, the later would else remove the lock that the earlier has made since.
 */
import { randomUUID } from 'node:crypto';
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { FileError, RunError, messageOf } from '../errors.js';

const LOCK = 'lock';
/** Behind the name of a lock: who is removing it. */
const TAKEOVER = '.takeover';

interface Holder {
  pid: number;
  host: string;
  /** Start time of the process in clock ticks since boot: tells a process from a later one of the same number. */
  started: string;
}

export interface RunLock {
  /** Gives the run back; idempotent. A lock that is no longer this one's stays. */
  release(): void;
}

/** Whether a file of a run directory belongs to its lock: the lock itself, or what making one may leave behind. */
export function isLockFile(name: string): boolean {
  return name === LOCK || name.startsWith(`${LOCK}.`);
}

/**
 * Locks a run directory for this process.
 * @throws RunError naming the process that holds it, or the file to delete where it cannot be told whether one does;
 *   FileError where the lock cannot be read or written.
 */
export function acquireRunLock(directory: string): RunLock {
  const path = join(directory, LOCK);
  const self: Holder = { pid: process.pid, host: hostname(), started: startOf(process.pid) ?? '' };
  // The token tells this lock from any other that this process takes.
  const text = JSON.stringify({ ...self, token: randomUUID() });
  take(directory, path, text);
  return {
    release: () => {
      try {
        removeIf(path, text);
      } catch {
        // What stays names a process that is about to end; the error that a run ends with matters more.
      }
    },
  };
}

function take(directory: string, path: string, text: string): void {
  for (let attempt = 0; attempt < 3; attempt++) {
    if (tryCreate(path, text)) return;
    const found = readLock(path);
    if (found === null) continue;
    const holder = holderOf(found);
    if (holder === null) {
      throw new RunError(`${path} does not say which process holds ${directory}; delete it if none does`);
    }
    if (isAlive(holder)) throw new RunError(inUse(directory, path, holder));
    take(directory, path + TAKEOVER, text);
    try {
      removeIf(path, found);
    } finally {
      removeIf(path + TAKEOVER, text);
    }
  }
  throw new RunError(`${path} keeps changing hands; another process is starting on the same run`);
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

function inUse(directory: string, path: string, { pid, host }: Holder): string {
  const holds = `${directory} is in use by process ${pid} on ${host}`;
  return host === hostname()
    ? `${holds}; wait for it, or name another folder with --out`
    : `${holds}, which cannot be seen from ${hostname()}; wait for it, or delete ${path} if that process is gone`;
}

function tryCreate(path: string, text: string): boolean {
  const temporary = `${path}.${randomUUID()}`;
  try {
    writeNew(temporary, text);
    try {
      linkSync(temporary, path);
      return true;
    } catch (error) {
      // Of a link made over NFS the answer may be lost; asked again, the server says that it is there.
      if (codeOf(error) === 'EEXIST') return readLock(path) === text;
    }
    // A file system without hard links. A lock that is still empty is nobody's to remove, so this is safe too.
    writeNew(path, text);
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    if (error instanceof FileError) throw error;
    throw new FileError(`cannot write ${path}: ${messageOf(error)}; name another folder with --out`, path, {
      cause: error,
    });
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** Writes a file that is not there yet, down to the disk. */
function writeNew(path: string, text: string): void {
  const descriptor = openSync(path, 'wx');
  try {
    writeFileSync(descriptor, text);
    fsyncSync(descriptor);
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

/** What a lock says, or null where there is none. */
function readLock(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw new FileError(`cannot read ${path}: ${messageOf(error)}; check its permissions`, path, { cause: error });
  }
}

function holderOf(text: string): Holder | null {
  try {
    const holder = JSON.parse(text) as Partial<Holder> | null;
    if (typeof holder?.pid === 'number' && typeof holder.host === 'string' && typeof holder.started === 'string') {
      return { pid: holder.pid, host: holder.host, started: holder.started };
    }
  } catch {
    // Cut off while it was written.
  }
  return null;
}

/** Removes a lock that still says `text`: only its holder, and of a dead one only whoever takes it over, may do so. */
function removeIf(path: string, text: string): void {
  if (readLock(path) === text) rmSync(path, { force: true });
}

function codeOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}
