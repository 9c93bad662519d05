import { join } from 'node:path';
import { DataError } from '../errors.js';
import { listClasses } from './classes.js';
import type { LabelledImages } from './divide.js';
import { listFolder, type Listing } from './folder.js';
import { countIgnored } from './ignored.js';
import type { Item } from './types.js';

/** Folder names of the parts; val is null where the folder has none. */
export interface PartFolders {
  train: string;
  val: string | null;
  test: string | null;
}

const VAL_NAMES = ['val', 'valid', 'validation'];

/**
 * Recognises DIR/{train,val,test}/CLASS: a train folder with class folders in it beside a val or test folder. So a data
 * set of vehicles with a class called "train" stays a plain one.
 */
export async function findParts(root: string, { folders }: Listing): Promise<PartFolders | null> {
  const val = VAL_NAMES.find((name) => folders.includes(name)) ?? null;
  const test = folders.includes('test') ? 'test' : null;
  if (!folders.includes('train') || (val === null && test === null)) return null;
  const inside = await listFolder(join(root, 'train'));
  return inside.folders.length > 0 ? { train: 'train', val, test } : null;
}

/** Lists the parts; classes are those of train. */
export async function scanParts(root: string, parts: PartFolders): Promise<LabelledImages> {
  const place = join(root, parts.train);
  const labels = (await listFolder(place)).folders;
  const folders = Object.values(parts).flatMap((part: string | null) => (part === null ? [] : [join(root, part)]));
  const ignored: string[] = [];
  const list = async (part: string): Promise<Item[]> => {
    const folder = join(root, part);
    await requireClasses(folder, place, labels);
    const others = folders.filter((other) => other !== folder);
    const listing = await listClasses(folder, labels, others);
    ignored.push(...listing.ignored);
    return listing.items;
  };
  const train = await list(parts.train);
  const test = parts.test === null ? null : await list(parts.test);
  const val = parts.val === null ? null : await list(parts.val);
  return { layout: 'splits', labels, split: null, train, val, test, place, ignored: countIgnored(ignored) };
}

async function requireClasses(folder: string, train: string, labels: string[]): Promise<void> {
  const { folders } = await listFolder(folder);
  const unknown = folders.find((name) => !labels.includes(name));
  if (unknown !== undefined) {
    throw new DataError(
      `${join(folder, unknown)}: a class that ${train} lacks; use the same class folders in every part`,
    );
  }
  const missing = labels.find((name) => !folders.includes(name));
  if (missing !== undefined) {
    throw new DataError(`${folder}: no folder for class "${missing}"; use the same class folders in every part`);
  }
}
