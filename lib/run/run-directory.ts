/** RUN/: who holds it, and where its files are. */
import { existsSync, mkdirSync, readdirSync, rmdirSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { FileError, RunError, messageOf } from '../errors.js';
import { type RunLock, acquireRunLock, isLockFile } from './run-lock.js';

/** Paths inside a run directory. */
export interface RunPaths {
  directory: string;
  config: string;
  journal: string;
  metrics: string;
  checkpoints: string;
  /** State of the run, replaced whole at every checkpoint. */
  checkpoint: string;
  /** Weights after the warm-up, from which the dense reference starts. */
  warmup: string;
  bestCompressed: string;
  bestDense: string;
  result: string;
  model: string;
  report: string;
}

/** Where the files of a run are; nothing is touched. */
export function runPaths(run: string): RunPaths {
  const directory = resolve(run);
  const checkpoints = join(directory, 'checkpoints');
  return {
    directory,
    config: join(directory, 'config.json'),
    journal: join(directory, 'journal.jsonl'),
    metrics: join(directory, 'metrics.jsonl'),
    checkpoints,
    checkpoint: join(checkpoints, 'state.safetensors'),
    warmup: join(checkpoints, 'warmup.safetensors'),
    bestCompressed: join(checkpoints, 'best-compressed.safetensors'),
    bestDense: join(checkpoints, 'best-dense.safetensors'),
    result: join(directory, 'result.json'),
    model: join(directory, 'model.safetensors'),
    report: join(directory, 'report.html'),
  };
}

/** The first unused DIRECTORY/PREFIX-N, N = 1, 2, ... */
export function nextRunDirectory(directory: string, prefix: string): string {
  for (let number = 1; ; number++) {
    const candidate = join(directory, `${prefix}-${number}`);
    if (!existsSync(candidate)) return candidate;
  }
}

/** A directory taken for a new run. */
export interface NewRunDirectory {
  paths: RunPaths;
  lock: RunLock;
  /** Releases the lock and takes away the folders made, for a run that did not come to begin. */
  abandon: () => void;
}

/**
 * Takes an empty or new directory for a run and locks it.
 * @throws RunError where it is a file, holds a run or anything else, or another process has it; FileError where it cannot be written.
 */
export function createRunDirectory(run: string): NewRunDirectory {
  const paths = runPaths(run);
  if (existsSync(paths.directory) && !statSync(paths.directory).isDirectory()) {
    throw new RunError(`--out ${paths.directory} is a file; name a folder that is new or empty`);
  }
  let made: string[];
  try {
    made = makeFolders(paths.directory);
  } catch (error) {
    throw new FileError(
      `cannot create the run directory ${paths.directory}: ${messageOf(error)}; name another with --out`,
      paths.directory,
      { cause: error },
    );
  }
  const lock = acquireRunLock(paths.directory);
  try {
    refuseUsedDirectory(paths);
    mkdirSync(paths.checkpoints, { recursive: true });
  } catch (error) {
    lock.release();
    throw error;
  }
  const abandon = (): void => {
    removeEmptyFolders([paths.checkpoints]);
    lock.release();
    removeEmptyFolders(made.reverse());
  };
  return { paths, lock, abandon };
}

/** Makes a folder and those above it, one by one: mkdir's own recursion never ends below /proc. Gives what it made. */
function makeFolders(directory: string): string[] {
  const missing: string[] = [];
  for (let folder = directory; !existsSync(folder); folder = dirname(folder)) missing.unshift(folder);
  for (const folder of missing) {
    try {
      mkdirSync(folder);
    } catch (error) {
      // Another process may make the same ones.
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
  }
  return missing;
}

/** Removes folders, the deepest first, up to one that is in use. */
function removeEmptyFolders(folders: readonly string[]): void {
  try {
    for (const folder of folders) rmdirSync(folder);
  } catch {
    // Somebody else's by now; it stays.
  }
}

/**
 * Takes the directory of an interrupted run and locks it.
 * @throws RunError where there is no run, or another process has it.
 */
export function openRunDirectory(run: string): { paths: RunPaths; lock: RunLock } {
  const paths = runPaths(run);
  if (!existsSync(paths.config)) {
    throw new RunError(`${paths.directory} holds no run (no config.json); give the folder that an earlier tune wrote`);
  }
  const lock = acquireRunLock(paths.directory);
  try {
    mkdirSync(paths.checkpoints, { recursive: true });
  } catch (error) {
    lock.release();
    throw new FileError(`cannot write to ${paths.directory}: ${messageOf(error)}`, paths.directory, { cause: error });
  }
  return { paths, lock };
}

/** Whether it is the folder of checkpoints with nothing in it: what a run leaves that was killed before it began. */
function isUnused({ directory, checkpoints }: RunPaths, name: string): boolean {
  const path = join(directory, name);
  return path === checkpoints && statSync(path).isDirectory() && readdirSync(path).length === 0;
}

function refuseUsedDirectory(paths: RunPaths): void {
  if (existsSync(paths.config)) {
    throw new RunError(
      existsSync(paths.result)
        ? `${paths.directory} holds a finished run; name another folder with --out`
        : `${paths.directory} holds an unfinished run; continue it with --resume ${paths.directory}, or name another folder with --out`,
    );
  }
  const others = readdirSync(paths.directory).filter((name) => !isLockFile(name) && !isUnused(paths, name));
  if (others.length > 0) {
    throw new RunError(
      `--out ${paths.directory} is not empty (it holds ${others[0]}); name a folder that is new or empty`,
    );
  }
}
