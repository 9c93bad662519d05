import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { DataError, messageOf } from '../errors.js';
import { byCodeUnit, listFolder, listImages, type Listing } from './folder.js';
import type { LabelledImages } from './divide.js';
import { EXTENSION_LIST } from './format.js';
import { countIgnored, ignoredText } from './ignored.js';
import type { Item } from './types.js';

const PARTS = ['train', 'val', 'test'] as const;
type ListName = (typeof PARTS)[number];

/** Recognises images/ beside labels/ with at least one of trainN.txt, valN.txt, testN.txt. */
export async function isDtdLayout(root: string, { folders }: Listing): Promise<boolean> {
  if (!folders.includes('images') || !folders.includes('labels')) return false;
  const { files } = await listFolder(join(root, 'labels'));
  return files.some((name) => /^(train|val|test)\d+\.txt$/.test(name));
}

/**
 * Reads split N of the Describable Textures Dataset's layout (Cimpoi et al., CVPR 2014): images/CLASS/FILE and
 * labels/{train,val,test}N.txt with one CLASS/FILE a line.
 */
export async function scanDtd(root: string, split: number): Promise<LabelledImages> {
  const labelFolder = join(root, 'labels');
  const { files } = await listFolder(labelFolder);
  for (const part of PARTS) {
    if (!files.includes(`${part}${split}.txt`)) {
      throw new DataError(`${labelFolder}: no ${part}${split}.txt for split ${split}; ${existingSplits(files)}`);
    }
  }
  const lists = new Map<ListName, string[]>();
  for (const part of PARTS) lists.set(part, await readList(join(labelFolder, `${part}${split}.txt`)));

  const labels = [...new Set(lists.get('train')!.map(className))].sort(byCodeUnit);
  const labelOf = new Map(labels.map((name, label) => [name, label]));
  if (labels.length === 1) {
    throw new DataError(
      `${join(labelFolder, `train${split}.txt`)}: one class only ("${labels[0]}"); list at least two`,
    );
  }
  const imageFolder = join(root, 'images');
  const { images, ignored } = await listImages(imageFolder);
  const present = new Set(images);
  const seen = new Map<string, string>();
  const items = {} as Record<ListName, Item[]>;
  for (const part of PARTS) {
    const list = join(labelFolder, `${part}${split}.txt`);
    const entries = lists.get(part)!;
    requireClasses(list, entries, labels);
    const paths = entries.map((entry) => join(imageFolder, ...entry.split('/')));
    const missing = paths.filter((path) => !present.has(path));
    const unread = countIgnored(missing.filter((path) => ignored.includes(path)));
    if (unread !== null) {
      throw new DataError(
        `${list}: names images of formats that are not read (${ignoredText(unread)}); convert them to ${EXTENSION_LIST}, or take them off the lists`,
      );
    }
    if (missing.length > 0) {
      throw new DataError(
        `${list}: names ${missing.length} image(s) that are missing, the first ${missing[0]}; restore them or correct the list`,
      );
    }
    items[part] = paths.map((path, i) => {
      const earlier = seen.get(path);
      if (earlier !== undefined) {
        throw new DataError(`${list}: ${entries[i]} is listed in ${earlier} already; list every image once`);
      }
      seen.set(path, list);
      return { path, label: labelOf.get(className(entries[i]))! };
    });
  }
  return { layout: 'dtd', labels, split, ignored: null, ...items, place: imageFolder };
}

function existingSplits(files: string[]): string {
  const complete = files
    .map((name) => /^train(\d+)\.txt$/.exec(name)?.[1])
    .filter((n): n is string => n !== undefined && PARTS.every((part) => files.includes(`${part}${n}.txt`)))
    .map(Number)
    .sort((a, b) => a - b);
  return complete.length > 0 ? `complete splits there: ${complete.join(', ')}` : 'no complete split is there';
}

/** Entries of a list in a fixed order, checked to stay inside images/. */
async function readList(path: string): Promise<string[]> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new DataError(`${path}: cannot be read (${messageOf(error)}); check its permissions`, { cause: error });
  }
  const entries: string[] = [];
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const entry = line.trim();
    if (entry === '') continue;
    const clean = posix.normalize(entry);
    if (!clean.includes('/') || clean.startsWith('/') || clean.startsWith('../')) {
      throw new DataError(
        `${path}:${index + 1}: expected CLASS/FILE but found "${entry.slice(0, 80)}"; correct the line`,
      );
    }
    entries.push(clean);
  }
  if (entries.length === 0) throw new DataError(`${path}: the list is empty; write one CLASS/FILE a line`);
  return entries.sort(byCodeUnit);
}

function className(entry: string): string {
  return entry.slice(0, entry.indexOf('/'));
}

function requireClasses(list: string, entries: string[], labels: string[]): void {
  const here = new Set(entries.map(className));
  const unknown = [...here].find((name) => !labels.includes(name));
  if (unknown !== undefined) {
    throw new DataError(`${list}: class "${unknown}" is not in the train list; list the same classes in every part`);
  }
  const missing = labels.find((name) => !here.has(name));
  if (missing !== undefined) {
    throw new DataError(`${list}: no image of class "${missing}"; list the same classes in every part`);
  }
}
