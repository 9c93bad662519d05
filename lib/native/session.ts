/**
 * A network in training or in use, on the native side: the typed face of addon.ts.
 *
 * One call at a time: a second one while a promise is open gives a BusyError. Every error is a class of errors.ts with
 * the caller's stack; ranges and lengths are checked in C++ before any work.
 */
import { AbortedError, type FinepuneError } from '../errors.js';
import type {
  Addon,
  EvaluateRequest,
  EvaluateResult,
  ImageFile,
  LayerCount,
  MagnitudeHistogram,
  ParameterDescription,
  SampleList,
  SessionHandle,
  SessionOptions,
  TensorMap,
  TensorRole,
  TrainResult,
  TrainSlice,
} from './addon.js';
import { loadAddon } from './load.js';
import { type CallSite, callSite, fromNative } from './native-error.js';

/** Thresholds t by layer name; masks use a = lower * t and b = upper * t. */
export interface ThresholdRequest {
  thresholds: Record<string, number>;
  lower: number;
  upper: number;
}

/** Stops a slice from outside. */
export interface SliceOptions {
  signal?: AbortSignal | undefined;
}

type Callee = (...parameters: never[]) => unknown;

/**
 * @example
 * await using session = await Session.create({ graph, normalization, device: 'cpu', threads: 2, precision: 'fp32', seed: 1 });
 * await session.setTensors({ role: 'parameter', tensors });
 * const { logits } = await session.forward({ pixels, shape: [1, 256, 256, 3] });
 */
export class Session implements AsyncDisposable {
  readonly #addon: Addon;
  readonly #handle: SessionHandle;

  private constructor(addon: Addon, handle: SessionHandle) {
    this.#addon = addon;
    this.#handle = handle;
  }

  /**
   * Builds the network; parameters are zero (scales and variances one) until set or initialised.
   * @throws SpecError on a graph that does not fit together, naming the node; DeviceError where the device is not there;
   *   UsageError on other options out of range; NativeLoadError where the addon cannot be loaded.
   */
  static async create(options: SessionOptions): Promise<Session> {
    const site = callSite(Session.create);
    const addon = loadAddon();
    try {
      return new Session(addon, await addon.createSession(options));
    } catch (error) {
      throw fromNative(error, site);
    }
  }

  /** Every stored tensor of the network, in a stable order. */
  describeParameters(): ParameterDescription[] {
    return this.#now(this.describeParameters, () => this.#addon.describeParameters(this.#handle));
  }

  /** Kept and all weights of each prunable layer under the masks in use, a candidate's too. */
  countKept(): LayerCount[] {
    return this.#now(this.countKept, () => this.#addon.countKept(this.#handle));
  }

  /** Fresh values for the parameters named: see Addon.initializeParameters. */
  initializeParameters(request: { names: string[]; seed: number }): Promise<void> {
    return this.#later(this.initializeParameters, () => this.#addon.initializeParameters(this.#handle, request));
  }

  /**
   * Writes tensors. The arrays must not change before the promise settles.
   *
   * To go on from a checkpoint: setThresholds first (it refreshes the masks), then roles 'parameter', 'shadow', 'mask'
   * and 'momentum'.
   * @throws UsageError, before anything is written, on an unknown name, a wrong length, or a role the tensor lacks.
   */
  setTensors(request: { role: TensorRole; tensors: TensorMap }): Promise<void> {
    return this.#later(this.setTensors, () => this.#addon.setTensors(this.#handle, request));
  }

  /** Copies tensors out. */
  getTensors(request: { role: TensorRole; names: string[] }): Promise<TensorMap> {
    return this.#later(this.getTensors, () => this.#addon.getTensors(this.#handle, request));
  }

  /**
   * Maps a file of decoded images; returns the number by which a SampleList names it.
   * @throws FileError where the file cannot be opened or is too short.
   */
  attachImages(file: ImageFile): Promise<number> {
    return this.#later(this.attachImages, () => this.#addon.attachImages(this.#handle, file), file.path);
  }

  /**
   * Runs the steps of a slice. Once the signal fires it resolves after the step under way with what was done, so that
   * the caller can write a checkpoint; it does not reject for that.
   * @throws NumericsError when the loss is not finite any more, naming the step.
   */
  async train(slice: TrainSlice, options: SliceOptions = {}): Promise<TrainResult> {
    const site = callSite(this.train);
    return this.#stoppable(site, options.signal, () => this.#addon.train(this.#handle, slice));
  }

  /**
   * Accuracy and loss on the samples, centre-cropped.
   * @throws AbortedError once the signal has fired; NumericsError where the outputs are not finite.
   */
  async evaluate(request: EvaluateRequest, options: SliceOptions = {}): Promise<EvaluateResult> {
    const site = callSite(this.evaluate);
    const { signal } = options;
    if (signal?.aborted) throw aborted('evaluating', signal);
    const result = await this.#stoppable(site, signal, () => this.#addon.evaluate(this.#handle, request));
    if (signal?.aborted && result.images < request.samples.records.length) throw aborted('evaluating', signal);
    return result;
  }

  /** Logits of images: see Addon.forward. */
  forward(request: {
    pixels: Uint8Array | Float32Array;
    shape: [number, number, number, number];
  }): Promise<{ logits: Float32Array; shape: [number, number] }> {
    return this.#later(this.forward, () => this.#addon.forward(this.#handle, request));
  }

  /** Gradients of the mean cross-entropy, for tests: see Addon.gradients. */
  gradients(request: {
    input: Float32Array;
    shape: [number, number, number, number];
    labels: Int32Array;
  }): Promise<{ loss: number; logits: Float32Array; gradients: Record<string, Float32Array> }> {
    return this.#later(this.gradients, () => this.#addon.gradients(this.#handle, request));
  }

  /** Scales fresh weights to outputs of variance 1: see Addon.calibrateParameters. */
  calibrateParameters(request: { names: string[]; samples: SampleList; batchSize: number }): Promise<void> {
    return this.#later(this.calibrateParameters, () => this.#addon.calibrateParameters(this.#handle, request));
  }

  /** Re-estimates BatchNorm's running statistics as the plain mean over the given number of batches. */
  refreshBatchNorm(request: { samples: SampleList; batchSize: number; batches: number; step: number }): Promise<void> {
    return this.#later(this.refreshBatchNorm, () => this.#addon.refreshBatchNorm(this.#handle, request));
  }

  /** Counts of |W| by magnitude of every prunable layer. */
  magnitudeHistograms(): Promise<Record<string, MagnitudeHistogram>> {
    return this.#later(this.magnitudeHistograms, () => this.#addon.magnitudeHistograms(this.#handle));
  }

  /** Commits thresholds and refreshes the masks once; ends a candidate. Returns the counts. */
  setThresholds(request: ThresholdRequest): Promise<LayerCount[]> {
    return this.#later(this.setThresholds, () => this.#addon.setThresholds(this.#handle, request));
  }

  /** Tries thresholds on the parameters without committing them; null ends it. Returns the counts. */
  setCandidate(request: ThresholdRequest | null): Promise<LayerCount[]> {
    return this.#later(this.setCandidate, () => this.#addon.setCandidate(this.#handle, request));
  }

  /** Waits for the slice that runs, then frees everything; idempotent. */
  dispose(): Promise<void> {
    return this.#later(this.dispose, () => this.#addon.disposeSession(this.#handle));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #now<Result>(callee: Callee, call: () => Result): Result {
    const site = callSite(callee);
    try {
      return call();
    } catch (error) {
      throw fromNative(error, site);
    }
  }

  #later<Result>(callee: Callee, call: () => Promise<Result>, path?: string): Promise<Result> {
    const site = callSite(callee);
    return call().catch((error: unknown): never => {
      throw fromNative(error, site, path);
    });
  }

  async #stoppable<Result>(
    site: CallSite,
    signal: AbortSignal | undefined,
    call: () => Promise<Result>,
  ): Promise<Result> {
    const stop = () => this.#addon.stopSession(this.#handle);
    try {
      const running = call();
      // After the start: starting clears an earlier request to stop.
      if (signal?.aborted) stop();
      signal?.addEventListener('abort', stop, { once: true });
      return await running;
    } catch (error) {
      throw fromNative(error, site);
    } finally {
      signal?.removeEventListener('abort', stop);
    }
  }
}

function aborted(what: string, signal: AbortSignal): FinepuneError {
  return new AbortedError(`stopped while ${what}`, { cause: signal.reason });
}
