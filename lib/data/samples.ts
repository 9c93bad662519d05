import { createHash } from 'node:crypto';
import { DataError } from '../errors.js';
import type { ImageCache, Item } from './types.js';

const DIGEST_DIGITS = 16;

/** Images as the native side wants them, with their paths in the same order. */
export interface Samples {
  records: Uint32Array;
  labels: Int32Array;
  paths: string[];
}

type RecordsAndLabels = Pick<Samples, 'records' | 'labels'>;

/**
 * The readable items as record numbers and labels, in the items' order.
 * @throws DataError where a class of the items has no readable image at all.
 */
export function samplesOf(items: readonly Item[], cache: Pick<ImageCache, 'recordOf' | 'skipped'>): Samples {
  const readable = items.filter((item) => cache.recordOf.has(item.path));
  const left = new Set(readable.map((item) => item.label));
  const lost = items.find((item) => !left.has(item.label));
  if (lost !== undefined) {
    const count = items.filter((item) => item.label === lost.label).length;
    const reason = cache.skipped.find((image) => image.path === lost.path)?.reason ?? 'not decoded';
    throw new DataError(
      `${lost.path}: none of its class's ${count} image(s) in this part can be read (${reason}); replace them or remove the class`,
    );
  }
  return {
    records: Uint32Array.from(readable, (item) => cache.recordOf.get(item.path)!),
    labels: Int32Array.from(readable, (item) => item.label),
    paths: readable.map((item) => item.path),
  };
}

/**
 * Digest of the samples' contents and labels, 16 hexadecimal digits: equal for the same images of the same classes, wherever
 * they lie, whatever they are called and however they are sorted. The first 64 bits of SHA-256: it tells data sets apart in
 * every model file, where all of them would be paid for in bytes.
 */
export function digestOfSamples(samples: RecordsAndLabels, cache: Pick<ImageCache, 'contents'>): string {
  return digestOf(linesOf(samples, cache).sort());
}

/** Digest of the samples' contents and labels in their order, which is what a place drawn at random depends on. As digestOfSamples otherwise. */
export function digestOfSequence(samples: RecordsAndLabels, cache: Pick<ImageCache, 'contents'>): string {
  return digestOf(linesOf(samples, cache));
}

function linesOf({ records, labels }: RecordsAndLabels, { contents }: Pick<ImageCache, 'contents'>): string[] {
  return Array.from(records, (record, index) => `${contents[record]} ${labels[index]}\n`);
}

function digestOf(lines: readonly string[]): string {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest('hex').slice(0, DIGEST_DIGITS);
}
