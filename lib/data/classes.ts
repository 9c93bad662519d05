import { join } from 'node:path';
import { DataError } from '../errors.js';
import { listImages } from './folder.js';
import { EXTENSION_LIST } from './format.js';
import { countIgnored, ignoredText } from './ignored.js';
import type { Item } from './types.js';

/**
 * The images of the class folders `names` below `folder`, labelled in that order, and the paths of those whose formats are not
 * read. Images of one class are never taken for another's, nor are those of `others`, folders that are none of these classes.
 *
 * @throws DataError where a class has no image that is read.
 */
export async function listClasses(
  folder: string,
  names: readonly string[],
  others: readonly string[] = [],
): Promise<{ items: Item[]; ignored: string[] }> {
  const classes = names.map((name) => join(folder, name));
  const items: Item[] = [];
  const ignored: string[] = [];
  for (const [label, path] of classes.entries()) {
    const listing = await listImages(path, [...classes, ...others]);
    if (listing.images.length === 0) throw noImage(path, listing.ignored);
    items.push(...listing.images.map((image) => ({ path: image, label })));
    ignored.push(...listing.ignored);
  }
  return { items, ignored };
}

function noImage(path: string, ignored: readonly string[]): DataError {
  const counts = countIgnored(ignored);
  const what = counts === null ? 'no image' : `no image of a format that is read (${ignoredText(counts)})`;
  return new DataError(`${path}: the class folder holds ${what}; add ${EXTENSION_LIST} files or remove the folder`);
}
