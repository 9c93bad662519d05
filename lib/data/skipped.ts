/** Images that cannot be decoded, by the files that hold them. */

import { ImageError } from '../errors.js';
import type { SkippedContent } from './cache-file.js';
import type { SkippedImage } from './types.js';

/** The contents of a cache file, SHA-256 in the order of their records, and the paths of the files that hold each. */
export interface ContentFiles {
  contents: readonly string[];
  pathsOf: ReadonlyMap<string, readonly string[]>;
}

/** The files of contents that cannot be decoded. */
export function skippedFiles(skipped: readonly SkippedContent[], { contents, pathsOf }: ContentFiles): SkippedImage[] {
  return skipped.flatMap(({ record, reason }) => pathsOf.get(contents[record])!.map((path) => ({ path, reason })));
}

/** Sorts images by path, which no order of decoding changes. */
export function sortByPath(images: readonly SkippedImage[]): SkippedImage[] {
  return images.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

/** @throws ImageError for the first image by path */
export function refuseSkipped(images: readonly SkippedImage[]): void {
  const first = sortByPath(images).at(0);
  if (first) throw new ImageError(`${first.path}: ${first.reason}; replace or remove it`, first.path);
}
