/** Images of formats that are not read: nobody sees that they are missing unless it is said. */

import { extname } from 'node:path';
import { ImageError } from '../errors.js';
import { formatCount } from '../format.js';
import { EXTENSION_LIST } from './format.js';

/** How many files of each extension, in lower case and with its dot, most first. */
export type IgnoredImages = Record<string, number>;

/** Counts files by extension; null where there is none. */
export function countIgnored(paths: readonly string[]): IgnoredImages | null {
  const counts = new Map<string, number>();
  for (const path of paths) {
    const extension = extname(path).toLowerCase();
    counts.set(extension, (counts.get(extension) ?? 0) + 1);
  }
  return counts.size === 0 ? null : Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

/** "6 .gif, 1 .heic". */
export function ignoredText(ignored: IgnoredImages): string {
  return Object.entries(ignored)
    .map(([extension, count]) => `${formatCount(count)} ${extension}`)
    .join(', ');
}

/** One line for people: what was left out, and how to mend it. */
export function ignoredNote(ignored: IgnoredImages): string {
  return `left out ${ignoredText(ignored)}: images are read from ${EXTENSION_LIST} files only; convert them to use them`;
}

/** Strict mode. @throws ImageError where a folder has images of formats that are not read. */
export function refuseIgnored(ignored: IgnoredImages | null, folder: string): void {
  if (ignored === null) return;
  throw new ImageError(
    `${folder}: images of formats that are not read (${ignoredText(ignored)}); convert them to ${EXTENSION_LIST}, or remove them`,
  );
}
