import { readdir, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { UsageError } from '../errors.js';
import { imageCacheDirectory } from './cache-directory.js';

/** Name endings of cache files: finished ones, those whose decoding was given up, and those that a process is writing. */
export const CACHE_EXTENSION = '.images';
export const PARTIAL_EXTENSION = '.partial';
export const TEMPORARY_EXTENSION = '.part';

const EXTENSIONS = [CACHE_EXTENSION, PARTIAL_EXTENSION, TEMPORARY_EXTENSION];

const DEFAULT_BUDGET = 20 * 2 ** 30;

/** A cache used within this time is kept whatever the budget: its user may be about to map it, again or for the first time. */
const IN_USE_MILLISECONDS = 60 * 60 * 1000;

/** Often enough that a machine under load is never late. */
const TOUCH_MILLISECONDS = IN_USE_MILLISECONDS / 6;

/** What the decoded-image caches take, for `doctor`. */
export interface CacheReport {
  directory: string;
  files: number;
  bytes: number;
  /** Budget in bytes, from FINEPUNE_CACHE_BYTES or 20 GiB. */
  budget: number;
}

interface CacheEntry {
  path: string;
  bytes: number;
  /** Time of the last use, milliseconds. */
  used: number;
}

/**
 * Most bytes the decoded-image caches may take: FINEPUNE_CACHE_BYTES, else 20 GiB.
 * @throws UsageError where the variable is not a number.
 */
export function cacheBudget(): number {
  const text = process.env.FINEPUNE_CACHE_BYTES;
  if (text === undefined || text === '') return DEFAULT_BUDGET;
  const budget = Number(text);
  if (!(budget >= 0))
    throw new UsageError(`expected a number of bytes for FINEPUNE_CACHE_BYTES but received "${text}"`);
  return budget;
}

/** Counts the caches in a folder; a missing folder holds none. */
export async function cacheReport(directory = imageCacheDirectory()): Promise<CacheReport> {
  const entries = await listCaches(directory);
  const bytes = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  return { directory, files: entries.length, bytes, budget: cacheBudget() };
}

/**
 * Removes the caches used longest ago until the folder is within cacheBudget(), and what killed processes left
 * unfinished. `keep` and caches used within the last hour stay. Returns the paths removed.
 */
export async function evictOldCaches(directory: string, keep: string, now = Date.now()): Promise<string[]> {
  const entries = (await listCaches(directory)).sort((a, b) => a.used - b.used);
  const budget = cacheBudget();
  let total = entries.reduce((sum, entry) => sum + entry.bytes, 0);
  const removed: string[] = [];
  for (const { path, bytes, used } of entries) {
    if (path === keep || now - used < IN_USE_MILLISECONDS) continue;
    if (total <= budget && !path.endsWith(TEMPORARY_EXTENSION)) continue;
    await rm(path, { force: true }).catch(() => undefined);
    total -= bytes;
    removed.push(path);
  }
  return removed;
}

/** Notes that a cache is used now, in its file's time of modification. Does nothing where the file is another user's or gone. */
export async function touchCache(path: string): Promise<void> {
  const now = new Date();
  await utimes(path, now, now).catch(() => undefined);
}

/**
 * Keeps evictOldCaches, of this process and any other, from removing a cache until the returned value is disposed of. For who
 * opens it by its path again later, as a run does for every session.
 *
 * By the clock, since hours may pass between two sessions. And by touching the file, not by holding it open: on a folder
 * that the machines of a cluster share, a file that another machine removes is lost to those that have it open or mapped too.
 */
export function keepInUse(path: string): Disposable {
  const timer = setInterval(() => void touchCache(path), TOUCH_MILLISECONDS).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

async function listCaches(directory: string): Promise<CacheEntry[]> {
  const names = await readdir(directory).catch(() => []);
  const entries: CacheEntry[] = [];
  for (const name of names) {
    if (!EXTENSIONS.some((extension) => name.endsWith(extension))) continue;
    const path = join(directory, name);
    const status = await stat(path).catch(() => undefined); // another process may have removed it
    if (status?.isFile()) entries.push({ path, bytes: status.size, used: status.mtimeMs });
  }
  return entries;
}
