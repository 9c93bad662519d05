import { resolve } from 'node:path';
import { DataError, UsageError } from '../errors.js';
import { isDtdLayout, scanDtd } from './dtd.js';
import { listClasses } from './classes.js';
import { divide, type Fractions, type LabelledImages } from './divide.js';
import { listFolder, type Listing } from './folder.js';
import { EXTENSION_LIST, hasImageExtension } from './format.js';
import { countIgnored } from './ignored.js';
import { findParts, scanParts } from './parts.js';
import type { Dataset, Item } from './types.js';

/** Which of DTD's official splits. */
export interface SplitOptions {
  /** Number N of the official split, labels/{train,val,test}N.txt; only a DTD-style folder has one. */
  split?: number | null | undefined;
  /** Of a DTD-style folder where `split` is absent; 1 where this is absent too. Other layouts take no notice of it. */
  defaultSplit?: number | undefined;
}

export interface ScanOptions extends SplitOptions {
  /** Fixes every random division. */
  seed: number;
  /** Shares of the parts of a plain folder, and (fit against tune) of a train folder without val. */
  fractions?: Fractions;
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
  return divide(await listDataset(directory, options), options.seed, options.fractions ?? DEFAULT_FRACTIONS);
}

/**
 * All images of a folder in the layouts of `scanDataset`, whatever part they are in. Nothing is divided: one class is enough, and
 * one image a class.
 *
 * @throws DataError as scanDataset, but for what only a division needs.
 */
export async function scanUndivided(
  directory: string,
  options: SplitOptions,
): Promise<Pick<Dataset, 'labels' | 'ignored'> & { items: Item[] }> {
  const { labels, ignored, train, val, test } = await listDataset(directory, options);
  return { labels, ignored, items: [...train, ...(val ?? []), ...(test ?? [])] };
}

async function listDataset(directory: string, options: SplitOptions): Promise<LabelledImages> {
  const root = resolve(directory);
  const split = options.split ?? undefined;
  if (split !== undefined && (!Number.isInteger(split) || split < 0)) {
    throw new UsageError(`expected a non-negative integer for split but received ${split}`);
  }
  const listing = await listFolder(root);
  if (await isDtdLayout(root, listing)) return scanDtd(root, split ?? options.defaultSplit ?? 1);
  if (split !== undefined) {
    throw new DataError(
      `${root}: no labels folder with train${split}.txt beside images, which split ${split} asks for; leave split out or give a folder in DTD's layout`,
    );
  }
  const parts = await findParts(root, listing);
  return parts ? scanParts(root, parts) : listPlain(root, listing);
}

async function listPlain(root: string, { folders, files }: Listing): Promise<LabelledImages> {
  if (folders.length === 0) {
    const stray = files.filter(hasImageExtension).length;
    throw new DataError(
      stray > 0
        ? `${root}: ${stray} image(s) but no class folder; move the images of each class into a folder of its own`
        : `${root}: no images; expected one folder a class with ${EXTENSION_LIST} files`,
    );
  }
  const { items, ignored } = await listClasses(root, folders);
  return {
    layout: 'folders',
    labels: folders,
    split: null,
    ignored: countIgnored(ignored),
    train: items,
    val: null,
    test: null,
    place: root,
  };
}
