/** What the data room hands to the others. */

import type { ImageFile } from '../native/addon.js';
import type { IgnoredImages } from './ignored.js';

/** One labelled image file. */
export interface Item {
  /** Absolute. */
  path: string;
  /** Index into Dataset.labels. */
  label: number;
}

/** The part of a data set an image belongs to: fit trains weights, tune chooses thresholds, test is touched once. */
export type PartName = 'fit' | 'tune' | 'test';

/** How a data folder is laid out; see scanDataset. */
export type Layout = 'folders' | 'splits' | 'dtd';

export interface Dataset extends Record<PartName, Item[]> {
  layout: Layout;
  /** Class names, sorted by code unit. */
  labels: string[];
  /** Number of the official split in use; null outside DTD's layout. */
  split: number | null;
  /** Images in the class folders whose formats are not read; null where there are none, and in DTD's layout, which lists what counts. */
  ignored: IgnoredImages | null;
}

/** An image left out, and why, in one line. */
export interface SkippedImage {
  path: string;
  reason: string;
}

/** Decoded images in one file, ready for the native side to map. */
export interface ImageCache {
  file: ImageFile;
  /** Record number of each readable image, by absolute path. Equal files share a record. */
  recordOf: Map<string, number>;
  /** SHA-256 of the file that each record was decoded from, hexadecimal. */
  contents: readonly string[];
  skipped: SkippedImage[];
  /** True where an earlier run's file was taken as it is. */
  reused: boolean;
}
