import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { DataError, messageOf } from '../errors.js';
import { hasImageExtension, hasIgnoredExtension } from './format.js';

/** Entries of a folder, sorted by code unit so that every machine lists them in one order; hidden ones left out. */
export interface Listing {
  files: string[];
  folders: string[];
}

/** Order of names that does not depend on the locale. */
export function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * Lists a folder; links are followed.
 * @throws DataError where it is missing, a file, or may not be read.
 */
export async function listFolder(path: string): Promise<Listing> {
  let entries: Dirent[];
  try {
    entries = await readdir(path, { withFileTypes: true });
  } catch (error) {
    throw folderError(path, error);
  }
  const listing: Listing = { files: [], folders: [] };
  for (const entry of entries) {
    if (entry.name.startsWith('.')) continue;
    const kind = entry.isSymbolicLink() ? await statOrNothing(join(path, entry.name)) : entry;
    if (kind?.isDirectory()) listing.folders.push(entry.name);
    else if (kind?.isFile()) listing.files.push(entry.name);
  }
  listing.files.sort(byCodeUnit);
  listing.folders.sort(byCodeUnit);
  return listing;
}

function folderError(path: string, error: unknown): DataError {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT')
    return new DataError(`${path}: no such folder; check the path given as data`, { cause: error });
  if (code === 'ENOTDIR') {
    return new DataError(`${path}: a file, not a folder; give the folder that holds the class folders`, {
      cause: error,
    });
  }
  return new DataError(`${path}: cannot be read (${messageOf(error)}); check its permissions`, { cause: error });
}

async function statOrNothing(path: string): Promise<Stats | undefined> {
  try {
    return await stat(path);
  } catch {
    return undefined; // a link to nothing
  }
}

/** The images of a folder, as absolute paths in a fixed order. */
export interface ImageListing {
  images: string[];
  /** Images of formats that are not read. */
  ignored: string[];
}

/** How far listing a folder has come. */
interface Walk extends ImageListing {
  /** Real path of the folder. */
  own: string;
  others: readonly string[];
  /** Real paths. */
  visited: Set<string>;
}

/**
 * The images, by extension, in a folder and the folders below it. A link to a folder is followed unless it leads above the
 * folder itself, or into, onto or above one of `others`: what lies there is not this folder's.
 *
 * @throws DataError where a folder may not be read.
 */
export async function listImages(path: string, others: readonly string[] = []): Promise<ImageListing> {
  const own = await realFolder(path);
  const walk: Walk = { own, others, visited: new Set(), images: [], ignored: [] };
  await collect(path, own, walk);
  return { images: walk.images, ignored: walk.ignored };
}

async function collect(path: string, real: string, walk: Walk): Promise<void> {
  if (walk.visited.has(real)) return; // a link to what was listed already
  walk.visited.add(real);
  const { files, folders } = await listFolder(path);
  for (const name of files) {
    if (hasImageExtension(name)) walk.images.push(join(path, name));
    else if (hasIgnoredExtension(name)) walk.ignored.push(join(path, name));
  }
  for (const name of folders) {
    const target = await realFolder(join(path, name));
    const isLink = target !== join(real, name);
    if (!isLink || !(await isOfOthers(target, walk))) await collect(join(path, name), target, walk);
  }
}

async function isOfOthers(target: string, { own, others }: Walk): Promise<boolean> {
  if (isWithin(own, target)) return false;
  if (isWithin(target, own)) return true;
  for (const other of others) {
    const real = await realFolder(other);
    if (isWithin(real, target) || isWithin(target, real)) return true;
  }
  return false;
}

/** Whether a real path is a folder's or lies below it. */
function isWithin(folder: string, path: string): boolean {
  return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

async function realFolder(path: string): Promise<string> {
  return await realpath(path).catch((error: unknown) => {
    throw folderError(path, error);
  });
}
