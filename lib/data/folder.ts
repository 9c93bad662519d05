import type { Dirent, Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError, messageOf } from '../errors.js';
import { EXTENSION_LIST, hasImageExtension } from './format.js';

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

/** Absolute paths of the files with an image's extension in a folder and the folders below it, in a fixed order. */
export async function listImages(path: string): Promise<string[]> {
  return walk(path, new Set());
}

async function walk(path: string, visited: Set<string>): Promise<string[]> {
  const real = await realpath(path).catch((error: unknown) => {
    throw folderError(path, error);
  });
  if (visited.has(real)) return []; // a link back up
  visited.add(real);
  const { files, folders } = await listFolder(path);
  const images = files.filter(hasImageExtension).map((name) => join(path, name));
  for (const folder of folders) images.push(...(await walk(join(path, folder), visited)));
  return images;
}

/**
 * Images of one class folder.
 * @throws DataError where there is none.
 */
export async function listClass(path: string): Promise<string[]> {
  const images = await listImages(path);
  if (images.length === 0) {
    throw new DataError(`${path}: the class folder holds no image; add ${EXTENSION_LIST} files or remove the folder`);
  }
  return images;
}
