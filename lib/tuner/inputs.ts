/** Reads what a run starts from: the network, its weights, the images. */
import { DataError } from '../errors.js';
import {
  type Dataset,
  type PartName,
  type RepeatedImages,
  decodingProgress,
  findRepeated,
  openImageCache,
  refuseIgnored,
  samplesOf,
  scanDataset,
} from '../data/index.js';
import {
  type MatchedWeights,
  type ModelSpec,
  loadSpec,
  matchWeights,
  parameterShapes,
  readWeights,
  withClasses,
} from '../models/index.js';
import type { ImageFile } from '../native/addon.js';
import type { DataEvent, ProgressEvent } from '../run/types.js';
import { type ImagesIdentity, digestsOf, identityOf } from './images-identity.js';

/** Images of one part of the data, by record of the image cache. */
export interface Part {
  records: Uint32Array;
  labels: Int32Array;
}

/** The images of a run, decoded. */
export interface RunImages {
  dataset: Dataset;
  file: ImageFile;
  fit: Part;
  tune: Part;
  test: Part;
  skipped: { path: string; reason: string }[];
  repeated: RepeatedImages | null;
  /** Seconds spent decoding; near 0 where the cache had them. */
  seconds: number;
  /** Tells these images, in their order, from others. */
  identity: ImagesIdentity;
  /** Tells the images of each part from others, in any order. */
  digests: Record<PartName, string>;
}

/** The network of a run with the class count of the data, and the weights it starts with. */
export interface RunNetwork {
  spec: ModelSpec;
  weights: MatchedWeights;
  /** Number of parameters. */
  parameters: number;
  /** Share of them that starts fresh. */
  freshShare: number;
}

/** What reading the images needs to know. */
interface ImageRequest {
  data: string;
  strict: boolean;
  threads: number;
}

/** What a run reads. */
export interface InputsRequest extends ImageRequest {
  split: number | null;
  seed: number;
  model: string;
  weights: string;
  partial: boolean;
}

/**
 * Reads what can fail soon before what takes long: the folder's listing, the weights, then the images.
 * @throws as `readNetwork` and `readImages`; DataError where the folder is no data set.
 */
export async function readInputs(
  request: InputsRequest,
  emit: (event: ProgressEvent) => void,
  signal: AbortSignal | undefined,
): Promise<{ images: RunImages; network: RunNetwork }> {
  const { data, split, seed } = request;
  const dataset = await scanDataset(data, { split, seed });
  if (request.strict) refuseIgnored(dataset.ignored, data);
  const network = await readNetwork(request, dataset.labels.length);
  const images = await readImages(request, dataset, network.spec, emit, signal);
  return { images, network };
}

/** Nodes whose parameters started fresh. */
export function freshNodesOf(network: RunNetwork): string[] {
  return [...new Set(network.weights.fresh.map((name) => name.slice(0, name.lastIndexOf('.'))))];
}

/**
 * Decodes the images of a scanned data folder.
 * @throws DataError where a part has no readable image, ImageError in strict mode, AbortedError.
 */
async function readImages(
  request: ImageRequest,
  dataset: Dataset,
  spec: ModelSpec,
  emit: (event: ProgressEvent) => void,
  signal: AbortSignal | undefined,
): Promise<RunImages> {
  const items = [...dataset.fit, ...dataset.tune, ...dataset.test];
  const startedAt = performance.now();
  const cache = await openImageCache(items, {
    size: spec.input.resize,
    channels: spec.input.channels === 1 ? 1 : 3,
    concurrency: request.threads,
    strict: request.strict,
    signal,
    onProgress: decodingProgress(items.length, emit),
  });
  const seconds = (performance.now() - startedAt) / 1000;
  const part = (name: 'fit' | 'tune' | 'test'): Part => {
    const samples = samplesOf(dataset[name], cache);
    if (samples.labels.length === 0) {
      throw new DataError(
        `${request.data}: no readable image is left in the ${name} part; mend or replace the images named`,
      );
    }
    return { records: samples.records, labels: samples.labels };
  };
  const parts = { fit: part('fit'), tune: part('tune'), test: part('test') };
  return {
    dataset,
    file: cache.file,
    ...parts,
    skipped: cache.skipped,
    repeated: findRepeated(dataset, cache),
    seconds,
    identity: identityOf(dataset.labels, parts, cache),
    digests: digestsOf(parts, cache),
  };
}

/** The `data` event for these images. */
export function dataEvent(images: RunImages): DataEvent {
  return {
    event: 'data',
    layout: images.dataset.layout,
    labels: images.dataset.labels,
    fit: images.fit.labels.length,
    tune: images.tune.labels.length,
    test: images.test.labels.length,
    skipped: images.skipped,
    ignored: images.dataset.ignored,
    repeated: images.repeated,
  };
}

/**
 * Reads the spec and the weights and fits them to the class count.
 * @throws SpecError, WeightsError naming what does not fit.
 */
async function readNetwork(
  request: { model: string; weights: string; partial: boolean },
  classes: number,
): Promise<RunNetwork> {
  const spec = withClasses(loadSpec(request.model), classes);
  const weights = matchWeights(spec, await readWeights(request.weights), { partial: request.partial });
  const fresh = new Set(weights.fresh);
  let total = 0;
  let started = 0;
  for (const parameter of parameterShapes(spec)) {
    if (parameter.kind === 'running_mean' || parameter.kind === 'running_var') continue;
    const size = parameter.shape.reduce((product, length) => product * length, 1);
    total += size;
    if (fresh.has(parameter.name)) started += size;
  }
  return { spec, weights, parameters: total, freshShare: started / total };
}
