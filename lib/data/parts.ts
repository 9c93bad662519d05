import { join } from 'node:path';
import { DataError } from '../errors.js';
import { listClass, listFolder, type Listing } from './folder.js';
import { splitStratified } from './split.js';
import type { Dataset, Item } from './types.js';

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

/**
 * Lists the parts; classes are those of train. Without val, tune is a stratified share of train, in the proportion of
 * the fractions fit and tune.
 */
export async function scanParts(
  root: string,
  parts: PartFolders,
  seed: number,
  fractions: { fit: number; tune: number },
): Promise<Dataset> {
  if (parts.test === null) {
    throw new DataError(
      `${root}: train and ${parts.val} but no test folder; add one, or rename ${parts.val} to test and a part of train takes its place`,
    );
  }
  const labels = (await listFolder(join(root, parts.train))).folders;
  if (labels.length === 1) {
    throw new DataError(
      `${join(root, parts.train)}: one class only ("${labels[0]}"); add a folder of images for at least one more class`,
    );
  }
  const train = await listPart(root, parts.train, labels);
  const test = await listPart(root, parts.test, labels);
  if (parts.val !== null) {
    return { layout: 'splits', labels, split: null, fit: train, tune: await listPart(root, parts.val, labels), test };
  }
  const both = fractions.fit + fractions.tune;
  const shares = [fractions.fit / both, fractions.tune / both];
  const [fit, tune] = splitStratified(train, labels, shares, seed, join(root, parts.train));
  return { layout: 'splits', labels, split: null, fit: fit, tune: tune, test };
}

async function listPart(root: string, part: string, labels: string[]): Promise<Item[]> {
  const folder = join(root, part);
  const { folders } = await listFolder(folder);
  const unknown = folders.find((name) => !labels.includes(name));
  if (unknown !== undefined) {
    throw new DataError(
      `${join(folder, unknown)}: a class that ${join(root, 'train')} lacks; use the same class folders in every part`,
    );
  }
  const missing = labels.find((name) => !folders.includes(name));
  if (missing !== undefined) {
    throw new DataError(`${folder}: no folder for class "${missing}"; use the same class folders in every part`);
  }
  const items: Item[] = [];
  for (const [label, name] of labels.entries()) {
    for (const path of await listClass(join(folder, name))) items.push({ path, label });
  }
  return items;
}
