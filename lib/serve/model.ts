/** A network loaded for classifying. */

import { DisposedError, UsageError } from '../errors.js';
import { decodeImage } from '../data/index.js';
import { classCount, type ModelInput, type ModelSpec } from '../models/index.js';
import type { Session } from '../native/session.js';
import { openServingSession, type ServingOptions } from './serving-session.js';
import { softmax, topIndices } from './softmax.js';
import { loadNetwork, type ModelSource } from './source.js';

/** An image file's path, or its bytes: JPEG, PNG, TIFF, WebP or BMP. */
export type ImageInput = string | Uint8Array;

export interface Prediction {
  label: string;
  /** In [0, 1]; over all classes they add up to 1. */
  probability: number;
}

export interface ClassifyOptions {
  /** Labels an image, likeliest first; 5 if not given, never more than there are classes. */
  top?: number;
}

/** Images decoded and run at once: enough to keep the cores busy, few enough for any memory. */
const BATCH = 32;

/**
 * A network with its labels and preprocessing. Safe to call concurrently: calls wait for one another.
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
  readonly #session: Session;
  #last: Promise<unknown> = Promise.resolve();
  #disposal: Promise<void> | undefined;

  /** Use loadModel. */
  constructor(spec: ModelSpec, labels: readonly string[], session: Session) {
    this.spec = spec;
    this.labels = labels;
    this.#session = session;
  }

  /** How an image becomes the network's input. */
  get preprocessing(): ModelInput {
    return this.spec.input;
  }

  /**
   * The likeliest labels of one image, or of each of several.
   *
   * @throws ImageError an image cannot be read; DisposedError; UsageError `top` is not a positive whole number
   */
  classify(image: ImageInput, options?: ClassifyOptions): Promise<Prediction[]>;
  classify(images: readonly ImageInput[], options?: ClassifyOptions): Promise<Prediction[][]>;
  async classify(
    images: ImageInput | readonly ImageInput[],
    { top = 5 }: ClassifyOptions = {},
  ): Promise<Prediction[] | Prediction[][]> {
    this.#assertUsable();
    if (!Number.isSafeInteger(top) || top < 1) {
      throw new UsageError(`expected a whole number 1 or more for top but received ${String(top)}`);
    }
    const several = isList(images);
    const list: readonly ImageInput[] = several ? images : [images];
    const all: Prediction[][] = [];
    for (let start = 0; start < list.length; start += BATCH) {
      all.push(...(await this.#classifyBatch(list.slice(start, start + BATCH), top)));
    }
    return several ? all : (all[0] ?? []);
  }

  /**
   * Logits of images already preprocessed.
   *
   * @param input float32 [batch, channels, size, size], normalised as `preprocessing` says, row-major
   * @param shape of `input`
   * @returns float32 [batch, classes], row-major
   * @throws UsageError the shape is not the network's or not the data's; DisposedError
   */
  async run(input: Float32Array, shape: readonly number[]): Promise<{ logits: Float32Array; shape: [number, number] }> {
    this.#assertUsable();
    const { channels: expectedChannels, size } = this.spec.input;
    const [batch = 0, channels = 0, height = 0, width = 0] = shape;
    const isNetworks =
      shape.length === 4 && batch >= 1 && channels === expectedChannels && height === size && width === size;
    if (!isNetworks || !Number.isSafeInteger(batch)) {
      throw new UsageError(
        `expected shape [batch, ${expectedChannels}, ${size}, ${size}] but received [${shape.join(', ')}]`,
      );
    }
    if (!(input instanceof Float32Array) || input.length !== batch * channels * height * width) {
      throw new UsageError(
        `expected a Float32Array of ${batch * channels * height * width} values for shape [${shape.join(', ')}]`,
      );
    }
    return this.#enqueue(() => this.#session.forward({ pixels: input, shape: [batch, channels, height, width] }));
  }

  /** Frees the network after the calls under way; may be called twice. */
  async dispose(): Promise<void> {
    this.#disposal ??= this.#last.then(() => this.#session.dispose());
    await this.#disposal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #classifyBatch(images: readonly ImageInput[], top: number): Promise<Prediction[][]> {
    const { resize, channels } = this.spec.input;
    const geometry = { size: resize, channels: channels === 1 ? 1 : 3 } as const;
    const decoded = await Promise.all(images.map((image) => decodeImage(image, geometry)));
    const pixels = new Uint8Array(decoded.length * resize * resize * channels);
    decoded.forEach((record, index) => pixels.set(record, index * record.length));
    const { logits, shape } = await this.#enqueue(() =>
      this.#session.forward({ pixels, shape: [decoded.length, resize, resize, channels] }),
    );
    const classes = shape[1];
    return decoded.map((_, index) => this.#predictions(logits.subarray(index * classes, (index + 1) * classes), top));
  }

  #predictions(logits: Float32Array, top: number): Prediction[] {
    const probabilities = softmax(logits);
    return topIndices(probabilities, top).map((index) => ({
      label: this.labels[index] ?? String(index),
      probability: probabilities[index] ?? 0,
    }));
  }

  /** A session runs one thing at a time; a service asks for many. */
  #enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    this.#assertUsable();
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
 * @throws ModelFileError, WeightsError, SpecError; DeviceError; NativeLoadError
 * @example
 * const model = await loadModel('run/model.safetensors');
 * const [top] = await model.classify(await readFile('photo.jpg'), { top: 5 });
 * await model.dispose();
 */
export async function loadModel(source: ModelSource, options: ServingOptions = {}): Promise<Model> {
  const network = await loadNetwork(source);
  const session = await openServingSession(network, options);
  const labels = network.labels ?? Array.from({ length: classCount(network.spec) }, (_, index) => String(index));
  return new Model(network.spec, labels, session);
}

function isList(images: ImageInput | readonly ImageInput[]): images is readonly ImageInput[] {
  return Array.isArray(images);
}
