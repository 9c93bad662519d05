/** A network loaded for classifying. */

import { abortSignal, checkFields, trueOrFalse, wholeNumber, type Rules } from '../arguments.js';
import { AbortedError, describeValue, DisposedError, FinepuneError, UsageError } from '../errors.js';
import { classCount, type ModelInput, type ModelSpec } from '../models/index.js';
import type { ServedNetworkDescription } from '../native/addon.js';
import { openBackend, type Backend } from './backend.js';
import { aborted, Batcher } from './batcher.js';
import { readImage, type ImageInput } from './image-input.js';
import { ServeMeter, type ServeMetrics } from './metrics.js';
import { SERVING_RULES, type ServingOptions } from './serving-session.js';
import { softmax, topIndices } from './softmax.js';
import { loadNetwork, type ModelSource } from './source.js';

export interface LoadModelOptions extends ServingOptions {
  /** Most images computed together, 1 to 4096; 32 if not given. */
  maxBatch?: number | undefined;
  /** Milliseconds an image waits for images of other calls, 0 to 60,000; 2 if not given, 0 for never. */
  maxDelay?: number | undefined;
}

export interface Prediction {
  label: string;
  /** In [0, 1]; over all classes they add up to 1. */
  probability: number;
}

export interface ClassifyOptions {
  /** Labels an image, likeliest first; 5 if not given, never more than there are classes. */
  top?: number | undefined;
  /** Gives up: the promise rejects with an AbortedError, and images that wait are never computed. */
  signal?: AbortSignal | undefined;
}

/** How a list is classified. */
export interface ClassifyListOptions extends ClassifyOptions {
  /** Lets one image fail without the others: its place in the answer has its error. False if not given. */
  settle?: boolean | undefined;
}

const MAX_BATCH = 32;
const MAX_DELAY = 2;
const LARGEST_BATCH = 4096;
const LONGEST_DELAY = 60_000;

const LOAD_RULES: Rules<LoadModelOptions> = {
  ...SERVING_RULES,
  maxBatch: wholeNumber(1, LARGEST_BATCH),
  maxDelay: {
    expected: `0 to ${LONGEST_DELAY} milliseconds`,
    accepts: (value) => typeof value === 'number' && value >= 0 && value <= LONGEST_DELAY,
  },
};

const CLASSIFY_RULES: Rules<ClassifyListOptions> = { top: wholeNumber(1), signal: abortSignal, settle: trueOrFalse };

/** What a Model is made of; use loadModel. */
export interface ModelParts {
  spec: ModelSpec;
  labels: readonly string[];
  backend: Backend;
  maxBatch: number;
  maxDelay: number;
}

/**
 * A network with its labels and preprocessing. Safe to call concurrently: images of all calls are computed together.
 *
 * @example
 * await using model = await loadModel('run/model.safetensors');
 * const [top] = await model.classify('photo.jpg');
 */
export class Model implements AsyncDisposable {
  /** Class names in the order of the logits. */
  readonly labels: readonly string[];
  /** The architecture, with the classes of this model. */
  readonly spec: ModelSpec;
  readonly #backend: Backend;
  readonly #maxBatch: number;
  readonly #meter = new ServeMeter();
  readonly #batcher: Batcher<Uint8Array>;
  /** Calls of classify that are not answered yet. */
  readonly #calls = new Set<Promise<unknown>>();
  #pixels = new Uint8Array(0);
  #last: Promise<unknown> = Promise.resolve();
  #disposal: Promise<void> | undefined;

  /** Use loadModel. */
  constructor({ spec, labels, backend, maxBatch, maxDelay }: ModelParts) {
    this.spec = spec;
    this.labels = labels;
    this.#backend = backend;
    this.#maxBatch = maxBatch;
    this.#batcher = new Batcher((records) => this.#runRecords(records), { maxBatch, maxDelay }, this.#meter);
  }

  /** How an image becomes the network's input. */
  get preprocessing(): ModelInput {
    return this.spec.input;
  }

  /** Queue length, batch sizes and latencies so far. */
  get metrics(): ServeMetrics {
    return this.#meter.read(this.#batcher.length);
  }

  /**
   * The likeliest labels of one image, or of each of several. An image that cannot be read fails its own call, never
   * that of another. A list is one call, rejected with the error of the first image that fails; with `settle` its answer
   * has in each image's place its predictions or its error, and only the signal rejects it.
   *
   * @throws ImageError an image cannot be read; AbortedError; DisposedError; UsageError an option is out of range
   * @example
   * for (const answer of await model.classify(paths, { settle: true })) {
   *   console.log(answer instanceof FinepuneError ? answer.message : answer[0].label);
   * }
   */
  classify(image: ImageInput, options?: ClassifyOptions): Promise<Prediction[]>;
  classify(
    images: readonly ImageInput[],
    options?: ClassifyListOptions & { settle?: false | undefined },
  ): Promise<Prediction[][]>;
  classify(images: readonly ImageInput[], options: ClassifyListOptions): Promise<(Prediction[] | FinepuneError)[]>;
  async classify(
    images: ImageInput | readonly ImageInput[],
    options: ClassifyListOptions = {},
  ): Promise<Prediction[] | (Prediction[] | FinepuneError)[]> {
    this.#assertUsable();
    checkFields('classify', options, CLASSIFY_RULES);
    const { top = 5, signal, settle = false } = options;
    const call = isList(images)
      ? this.#classifyList(images, top, signal, settle)
      : this.#classifyOne(images, top, signal);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  /**
   * Logits of images already preprocessed.
   *
   * @param input float32 [batch, channels, size, size], normalised as `preprocessing` says, row-major; copied
   * @param shape of `input`
   * @returns float32 [batch, classes], row-major
   * @throws UsageError the shape is not the network's or not the data's; DisposedError
   */
  async run(input: Float32Array, shape: readonly number[]): Promise<{ logits: Float32Array; shape: [number, number] }> {
    this.#assertUsable();
    const { channels: expectedChannels, size } = this.spec.input;
    const expected = `shape [batch, ${expectedChannels}, ${size}, ${size}]`;
    const given: unknown = shape;
    if (!Array.isArray(given)) throw new UsageError(`expected ${expected} but received ${describeValue(given)}`);
    const [batch = 0, channels = 0, height = 0, width = 0] = shape;
    const isNetworks =
      shape.length === 4 && batch >= 1 && channels === expectedChannels && height === size && width === size;
    if (!isNetworks || !Number.isSafeInteger(batch)) {
      throw new UsageError(`expected ${expected} but received [${shape.map(describeValue).join(', ')}]`);
    }
    const values = batch * channels * height * width;
    if (!(input instanceof Float32Array) || input.length !== values) {
      throw new UsageError(`expected a Float32Array of ${values} values for shape [${shape.join(', ')}]`);
    }
    // The call may wait behind others, and the caller reuse the array meanwhile.
    const copy = input.slice();
    return this.#enqueue(() => this.#backend.run(copy, [batch, channels, height, width]));
  }

  /** Which form each layer's weights have, and the memory taken; null for a network that lacks weights. */
  async describe(): Promise<ServedNetworkDescription | null> {
    this.#assertUsable();
    return this.#enqueue(() => Promise.resolve(this.#backend.describe()));
  }

  /** Frees the network after the calls under way, and refuses others from now on; may be called twice. */
  async dispose(): Promise<void> {
    this.#disposal ??= this.#finish();
    await this.#disposal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #finish(): Promise<void> {
    // Their images may still be decoded, and reach the batcher later.
    this.#batcher.hurry();
    await Promise.allSettled(this.#calls);
    await this.#batcher.close();
    await this.#last;
    await this.#backend.dispose();
  }

  async #classifyList(
    images: readonly ImageInput[],
    top: number,
    signal: AbortSignal | undefined,
    settle: boolean,
  ): Promise<(Prediction[] | FinepuneError)[]> {
    // As many at a time as fill two batches: one runs while the next is decoded.
    const all = new Array<Prediction[] | FinepuneError>(images.length);
    let next = 0;
    const work = async () => {
      while (next < images.length) {
        const index = next;
        next += 1;
        try {
          all[index] = await this.#classifyOne(images[index], top, signal);
        } catch (error) {
          if (settle && error instanceof FinepuneError && !(error instanceof AbortedError)) {
            all[index] = error;
          } else {
            next = images.length;
            throw error;
          }
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(2 * this.#maxBatch, images.length) }, work));
    return all;
  }

  async #classifyOne(image: ImageInput, top: number, signal: AbortSignal | undefined): Promise<Prediction[]> {
    // Before the image is read: of many that are given up none should cost any more, nor tell of a file that is not there.
    if (signal?.aborted) throw aborted(signal);
    const { resize, channels } = this.spec.input;
    const record = await readImage(image, { size: resize, channels: channels === 1 ? 1 : 3 });
    return this.#predictions(await this.#batcher.add(record, signal), top);
  }

  async #runRecords(records: readonly Uint8Array[]): Promise<Float32Array[]> {
    const { resize, channels } = this.spec.input;
    const size = resize * resize * channels;
    // Batches run one at a time: their pixels share memory that the garbage collector need not follow.
    if (this.#pixels.length < records.length * size) this.#pixels = new Uint8Array(records.length * size);
    const pixels = this.#pixels.subarray(0, records.length * size);
    records.forEach((record, index) => pixels.set(record, index * size));
    const { logits, shape } = await this.#inTurn(() =>
      this.#backend.run(pixels, [records.length, resize, resize, channels]),
    );
    const classes = shape[1];
    return records.map((_, index) => logits.subarray(index * classes, (index + 1) * classes));
  }

  #predictions(logits: Float32Array, top: number): Prediction[] {
    const probabilities = softmax(logits);
    return topIndices(probabilities, top).map((index) => ({
      label: this.labels[index] ?? String(index),
      probability: probabilities[index] ?? 0,
    }));
  }

  #enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#assertUsable();
    return this.#inTurn(work);
  }

  /** The backend runs one thing at a time; a service asks for many. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }

  #assertUsable(): void {
    if (this.#disposal !== undefined) throw new DisposedError('the model was disposed; load it again with loadModel');
  }
}

/**
 * Loads a network for classifying.
 *
 * @param source path of a model file, or an architecture and weights that were never tuned
 * @throws ModelFileError, WeightsError, SpecError; DeviceError; NativeLoadError; UsageError an option out of range
 * @example
 * const model = await loadModel('run/model.safetensors');
 * const [top] = await model.classify(await readFile('photo.jpg'), { top: 5 });
 * await model.dispose();
 */
export async function loadModel(source: ModelSource, options: LoadModelOptions = {}): Promise<Model> {
  checkFields('loadModel', options, LOAD_RULES);
  const { device, threads, maxBatch = MAX_BATCH, maxDelay = MAX_DELAY } = options;
  const network = await loadNetwork(source);
  const backend = await openBackend(network, { device, threads, maxBatch });
  const labels = network.labels ?? Array.from({ length: classCount(network.spec) }, (_, index) => String(index));
  return new Model({ spec: network.spec, labels, backend, maxBatch, maxDelay });
}

function isList(images: ImageInput | readonly ImageInput[]): images is readonly ImageInput[] {
  return Array.isArray(images);
}
