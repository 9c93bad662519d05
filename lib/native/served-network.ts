/** A network for inference, on the native side: the typed face of addon.ts's createServedNetwork. */
import type {
  Addon,
  ServedNetworkDescription,
  ServedNetworkHandle,
  ServedNetworkOptions,
  ServedNetworkRequest,
} from './addon.js';
import { loadAddon } from './load.js';
import { callSite, fromNative } from './native-error.js';

/**
 * One call at a time: a second one while a promise is open gives a BusyError.
 *
 * @example
 * await using network = await ServedNetwork.create({ graph, device: 'cpu', tensors, threads: 2, largestBatch: 32, forms: 'measured', kernels: 'best' });
 * const { logits } = await network.run({ pixels, shape: [1, 3, 224, 224], normalization });
 */
export class ServedNetwork implements AsyncDisposable {
  readonly #addon: Addon;
  readonly #handle: ServedNetworkHandle;

  private constructor(addon: Addon, handle: ServedNetworkHandle) {
    this.#addon = addon;
    this.#handle = handle;
  }

  /**
   * Reads the tensors and times the forms of every layer.
   * @throws SpecError on a graph or tensors that do not fit together; UsageError; DeviceError; OutOfMemoryError; NativeLoadError
   */
  static async create(options: ServedNetworkOptions): Promise<ServedNetwork> {
    const site = callSite(ServedNetwork.create);
    const addon = loadAddon();
    try {
      return new ServedNetwork(addon, await addon.createServedNetwork(options));
    } catch (error) {
      throw fromNative(error, site);
    }
  }

  /**
   * Logits [batch, classes], row-major.
   * @throws UsageError pixels and shape do not fit the network; BusyError, DisposedError; on a GPU OutOfMemoryError, DeviceError
   */
  async run(request: ServedNetworkRequest): Promise<{ logits: Float32Array; shape: [number, number] }> {
    const site = callSite(this.run);
    try {
      return await this.#addon.runServedNetwork(this.#handle, request);
    } catch (error) {
      throw fromNative(error, site);
    }
  }

  /** Which form each layer has, and what memory it takes. */
  describe(): ServedNetworkDescription {
    const site = callSite(this.describe);
    try {
      return this.#addon.describeServedNetwork(this.#handle);
    } catch (error) {
      throw fromNative(error, site);
    }
  }

  /** Waits for a running call; may be called twice. */
  async dispose(): Promise<void> {
    await this.#addon.disposeServedNetwork(this.#handle);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }
}
