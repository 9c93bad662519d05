import { resolve } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import { isDtdLayout, scanDtd } from './dtd.js';
import { listClass, listFolder, listImages } from './folder.js';
import { EXTENSION_LIST, hasImageExtension } from './format.js';
import { splitStratified } from './split.js';
import { findParts, scanParts } from './parts.js';
import type { Dataset, Item } from './types.js';

export interface ScanOptions {
  /** Number N of the official split, labels/{train,val,test}N.txt, of a DTD-style folder; 1 where absent. */
  split?: number | null | undefined;
  /** Fixes every random division. */
  seed: number;
  /** Shares of the parts of a plain folder, and (fit against tune) of a train folder without val. */
  fractions?: { fit: number; tune: number; test: number };
}

const DEFAULT_FRACTIONS = { fit: 0.6, tune: 0.2, test: 0.2 };

/**
 * Lists a folder of labelled images and divides it into fit, tune and test. Layouts, the first that fits is taken:
 *
 * 1. `dtd`: DIR/images/CLASS/* with DIR/labels/trainN.txt, valN.txt, testN.txt (lines CLASS/FILE), N from `split`.
 * 2. `splits`: DIR/train/CLASS/* and DIR/test/CLASS/*, and DIR/val (or valid, validation); without a val folder a
 *    stratified share of train is held out for tune.
 * 3. `folders`: DIR/CLASS/*, divided by a seeded stratified draw.
 *
 * train is fit, val is tune, test is test. Images are found at any depth below their class folder, by extension.
 * Nothing is decoded. Paths are absolute; the order is the same on every machine.
 *
 * @throws DataError, one line with the path: folder missing or a file, no images, one class only, a class without
 * images, parts with different classes, a split that does not exist, label lists naming images that are missing.
 */
export async function scanDataset(directory: string, options: ScanOptions): Promise<Dataset> {
  const root = resolve(directory);
  const fractions = options.fractions ?? DEFAULT_FRACTIONS;
  const split = options.split ?? undefined;
  if (split !== undefined && (!Number.isInteger(split) || split < 0)) {
    throw new UsageError(`expected a non-negative integer for split but received ${split}`);
  }
  const listing = await listFolder(root);
  if (await isDtdLayout(root, listing)) return scanDtd(root, split ?? 1);
  if (split !== undefined) {
    throw new DataError(
      `${root}: no labels folder with train${split}.txt beside images, which split ${split} asks for; leave split out or give a folder in DTD's layout`,
    );
  }
  const parts = await findParts(root, listing);
  if (parts) return scanParts(root, parts, options.seed, fractions);
  return scanFolders(root, listing.folders, listing.files, options.seed, fractions);
}

async function scanFolders(
  root: string,
  names: string[],
  files: string[],
  seed: number,
  fractions: Required<NonNullable<ScanOptions['fractions']>>,
): Promise<Dataset> {
  if (names.length === 0) {
    const stray = files.filter(hasImageExtension).length;
    throw new DataError(
      stray > 0
        ? `${root}: ${stray} image(s) but no class folder; move the images of each class into a folder of its own`
        : `${root}: no images; expected one folder a class with ${EXTENSION_LIST} files`,
    );
  }
  if (names.length === 1) {
    const only = `${root}: one class only ("${names[0]}")`;
    const inside = await listImages(resolve(root, names[0]));
    throw new DataError(
      inside.length === 0
        ? `${root}: no images; expected one folder a class with ${EXTENSION_LIST} files`
        : `${only}; add a folder of images for at least one more class`,
    );
  }
  const items: Item[] = [];
  for (const [label, name] of names.entries()) {
    for (const path of await listClass(resolve(root, name))) items.push({ path, label });
  }
  const [fit, tune, test] = splitStratified(items, names, [fractions.fit, fractions.tune, fractions.test], seed, root);
  return { layout: 'folders', labels: names, split: null, fit: fit, tune: tune, test: test };
}
