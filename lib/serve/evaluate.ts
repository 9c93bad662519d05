/** Accuracy of a network on a folder of labelled images. */

import {
  abortSignal,
  callback,
  checkArgument,
  checkFields,
  oneOf,
  path,
  required,
  trueOrFalse,
  wholeNumber as wholeNumberRule,
  type Rules,
} from '../arguments.js';
import { DataError } from '../errors.js';
import {
  decodingProgress,
  digestOfSamples,
  openImageCache,
  refuseIgnored,
  samplesOf,
  scanDataset,
  scanUndivided,
  type IgnoredImages,
  type Item,
  type PartName,
  type SkippedImage,
} from '../data/index.js';
import { classCount } from '../models/index.js';
import { evaluateSamples } from '../native/evaluation.js';
import { ProgressMeter } from '../progress.js';
import type { ProgressEvent } from '../run/types.js';
import { resolveDevice } from '../native/device.js';
import { openServingSession, SERVING_RULES, type ServingOptions } from './serving-session.js';
import { loadNetwork, type LoadedNetwork, type ModelSource } from './source.js';

export interface EvaluateOptions extends ServingOptions {
  /** Folder of labelled images, in the layouts of tune. */
  data: string;
  /** Official split; if not given, of a DTD-style folder that of the tuning run, else 1. */
  split?: number | undefined;
  /** Seed of the split of a DIR/<class>/* folder; that of the tuning run if not given, else 1. */
  seed?: number | undefined;
  /** Which images: 'test' if not given, those that a run is measured on. */
  part?: PartName | 'all' | undefined;
  /** Images at a time; as in the tuning run if not given, else 32: sums of floats depend on it in the last digit. */
  batchSize?: number | undefined;
  /** Make an unreadable image an error, and images of formats that are not read. */
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
  /**
   * Whether these are the images of that part in the tuning run. False where the folder is another, has changed or is divided
   * otherwise: those that the run was trained on may be among them then. Null for the part 'all', a network that was never tuned
   * and a model file of a version that did not note them.
   */
  sameAsRun: boolean | null;
  skipped: SkippedImage[];
  /** Image files of the folder left out because their format is not read, counted by extension; null where there are none. */
  ignored: IgnoredImages | null;
}

const BATCH_SIZE = 32;
/** As in tuning. */
const LARGEST_BATCH = 65_536;
const SEED = 1;

const RULES: Rules<EvaluateOptions> = {
  ...SERVING_RULES,
  data: required(path),
  split: wholeNumberRule(1, 1000),
  seed: wholeNumberRule(0, Number.MAX_SAFE_INTEGER - 1),
  part: oneOf(['fit', 'tune', 'test', 'all']),
  batchSize: wholeNumberRule(1, LARGEST_BATCH),
  strict: trueOrFalse,
  signal: abortSignal,
  onProgress: callback,
};

/**
 * Evaluates a model file, or a network that was never tuned, on labelled images, always in fp32. For a run's model file,
 * data folder and the part 'test', `top1` is that of its result.json where the run was in fp32 too, on the same device
 * with as many threads. A run in bf16 or tf32 measures itself in that, and may judge a few images otherwise.
 *
 * @throws DataError the folder cannot be used, or its classes are not the model's; ImageError with `strict`;
 *   ModelFileError, WeightsError, SpecError; DeviceError; AbortedError; UsageError
 * @example
 * const { top1 } = await evaluate('run/model.safetensors', { data: 'photos' });
 */
export async function evaluate(source: ModelSource, options: EvaluateOptions): Promise<EvaluateReport> {
  checkFields('evaluate', options, RULES);
  const { part = 'test', signal, strict = false } = options;
  const device = resolveDevice(options.device ?? 'auto');
  const report = options.onProgress ?? (() => undefined);
  const network = await loadNetwork(source);
  const batchSize = options.batchSize ?? wholeNumber(network.provenance, 'batchSize') ?? BATCH_SIZE;
  checkArgument('batchSize', batchSize, RULES.batchSize);
  const dataset = await imagesOf(network, part, options);
  if (strict) refuseIgnored(dataset.ignored, options.data);
  const items = classesOfModel(dataset.items, dataset.labels, network, options.data);

  const { resize, channels } = network.spec.input;
  const cache = await openImageCache(items, {
    size: resize,
    channels: channels === 1 ? 1 : 3,
    strict,
    signal,
    onProgress: decodingProgress(items.length, report),
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
      sameAsRun: isSameAsRun(network, part, digestOfSamples(samples, cache)),
      skipped: cache.skipped,
      ignored: dataset.ignored,
    };
  } finally {
    await session.dispose();
  }
}

/** The images of a part, divided as the tuning run did where nothing else is asked for. */
async function imagesOf(
  { provenance }: LoadedNetwork,
  part: PartName | 'all',
  { data, split, seed }: EvaluateOptions,
): Promise<Awaited<ReturnType<typeof scanUndivided>>> {
  // The folder need not be the run's, nor of its layout.
  const splits = { split, defaultSplit: wholeNumber(provenance, 'split') };
  if (part === 'all') return await scanUndivided(data, splits);
  const dataset = await scanDataset(data, { ...splits, seed: seed ?? wholeNumber(provenance, 'seed') ?? SEED });
  return { ...dataset, items: dataset[part] };
}

function isSameAsRun({ provenance }: LoadedNetwork, part: PartName | 'all', digest: string): boolean | null {
  // Whatever a file's JSON holds there.
  const parts = provenance?.['parts'] as Partial<Record<string, unknown>> | null | undefined;
  const before = parts?.[part];
  return typeof before === 'string' ? before === digest : null;
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
