/** Accuracy of a network on a folder of labelled images. */

import { DataError, UsageError } from '../errors.js';
import {
  openImageCache,
  samplesOf,
  scanDataset,
  type Dataset,
  type Item,
  type PartName,
  type SkippedImage,
} from '../data/index.js';
import { classCount } from '../models/index.js';
import { evaluateSamples } from '../native/evaluation.js';
import { ProgressMeter } from '../progress.js';
import type { ProgressEvent } from '../run/types.js';
import { resolveDevice } from '../native/device.js';
import { openServingSession, type ServingOptions } from './serving-session.js';
import { loadNetwork, type LoadedNetwork, type ModelSource } from './source.js';

export interface EvaluateOptions extends ServingOptions {
  /** Folder of labelled images, in the layouts of tune. */
  data: string;
  /** Official split of a DTD-style folder; that of the tuning run if not given. */
  split?: number | undefined;
  /** Seed of the split of a DIR/<class>/* folder; that of the tuning run if not given, else 1. */
  seed?: number | undefined;
  /** Which images: 'test' if not given, so that the number is the run's own. */
  part?: PartName | 'all' | undefined;
  /** Images at a time; as in the tuning run if not given, else 32: sums of floats depend on it in the last digit. */
  batchSize?: number | undefined;
  /** Make an unreadable image an error. */
  strict?: boolean | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: ProgressEvent) => void) | undefined;
}

export interface EvaluateReport {
  /** Images read and classified. */
  images: number;
  /** Shares in [0, 1]. */
  top1: number;
  top5: number;
  perClass: { label: string; images: number; top1: number | null }[];
  /** Of classifying, without decoding. */
  imagesPerSecond: number;
  device: string;
  part: PartName | 'all';
  skipped: SkippedImage[];
}

const BATCH_SIZE = 32;
const SEED = 1;

/**
 * Evaluates a model file, or a network that was never tuned, on labelled images. For a run's model file, data folder
 * and the part 'test', `top1` is exactly that of its result.json.
 *
 * @throws DataError the folder cannot be used, or its classes are not the model's; ImageError with `strict`;
 *   ModelFileError, WeightsError, SpecError; DeviceError; AbortedError
 * @example
 * const { top1 } = await evaluate('run/model.safetensors', { data: 'photos' });
 */
export async function evaluate(source: ModelSource, options: EvaluateOptions): Promise<EvaluateReport> {
  const { part = 'test', signal, strict = false } = options;
  const device = resolveDevice(options.device ?? 'auto');
  const report = options.onProgress ?? (() => undefined);
  const network = await loadNetwork(source);
  const batchSize = options.batchSize ?? wholeNumber(network.provenance, 'batchSize') ?? BATCH_SIZE;
  if (!Number.isSafeInteger(batchSize) || batchSize < 1) {
    throw new UsageError(`expected a whole number 1 or more for batchSize but received ${String(batchSize)}`);
  }
  const dataset = await scanDataset(options.data, {
    split: options.split ?? wholeNumber(network.provenance, 'split'),
    seed: options.seed ?? wholeNumber(network.provenance, 'seed') ?? SEED,
  });
  const items = classesOfModel(itemsOf(dataset, part), dataset.labels, network, options.data);

  const { resize, channels } = network.spec.input;
  let decoding: ProgressMeter | undefined;
  const cache = await openImageCache(items, {
    size: resize,
    channels: channels === 1 ? 1 : 3,
    strict,
    signal,
    onProgress: ({ done, total }) => {
      decoding ??= new ProgressMeter('decoding', 'images', total, report);
      decoding.report(done);
    },
  });
  const samples = samplesOf(items, cache);

  const session = await openServingSession(network, { device, threads: options.threads });
  try {
    const images = await session.attachImages(cache.file);
    const meter = new ProgressMeter('evaluating', 'images', samples.labels.length, report);
    const evaluation = await evaluateSamples(
      session,
      { images, records: samples.records, labels: samples.labels },
      { batchSize, signal, onProgress: (done) => meter.report(done) },
    );
    return {
      images: evaluation.images,
      top1: evaluation.top1,
      top5: evaluation.top5,
      perClass: perClass(labelsFor(network, dataset.labels), samples.labels, evaluation.predicted),
      imagesPerSecond: evaluation.seconds > 0 ? evaluation.images / evaluation.seconds : 0,
      device,
      part,
      skipped: cache.skipped,
    };
  } finally {
    await session.dispose();
  }
}

function itemsOf(dataset: Dataset, part: PartName | 'all'): Item[] {
  return part === 'all' ? [...dataset.fit, ...dataset.tune, ...dataset.test] : dataset[part];
}

function labelsFor({ labels }: LoadedNetwork, datasetLabels: readonly string[]): readonly string[] {
  return labels ?? datasetLabels;
}

/** The items with their labels counted as the model counts them: by name where it has names. */
function classesOfModel(items: Item[], labels: readonly string[], network: LoadedNetwork, data: string): Item[] {
  if (network.labels === null) {
    const classes = classCount(network.spec);
    if (classes !== labels.length) {
      throw new DataError(
        `${data}: ${labels.length} classes, and ${network.spec.name} tells ${classes} apart; tune it on this folder first, or give a folder of its classes`,
      );
    }
    return items;
  }
  const indexOf = new Map(network.labels.map((label, index) => [label, index]));
  const unknown = labels.find((label) => !indexOf.has(label));
  if (unknown !== undefined) {
    throw new DataError(
      `${data}: the model does not know the class "${unknown}"; it knows ${network.labels.join(', ')}`,
    );
  }
  return items.map((item) => ({ path: item.path, label: indexOf.get(labels[item.label] ?? '') ?? -1 }));
}

function perClass(labels: readonly string[], truth: Int32Array, predicted: Int32Array): EvaluateReport['perClass'] {
  const counts = labels.map((label) => ({ label, images: 0, right: 0 }));
  truth.forEach((label, index) => {
    const count = counts[label];
    count.images += 1;
    if (predicted[index] === label) count.right += 1;
  });
  return counts.map(({ label, images, right }) => ({ label, images, top1: images === 0 ? null : right / images }));
}

function wholeNumber(provenance: Record<string, unknown> | null, field: string): number | undefined {
  const value = provenance?.[field];
  return typeof value === 'number' && Number.isSafeInteger(value) ? value : undefined;
}
