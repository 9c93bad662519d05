/** The codec of sparse tensors (native/sparse/codec.h): the typed face of addon.ts's encodeSparse and decodeSparse. */
import type { Addon } from './addon.js';
import { loadAddon } from './load.js';
import { callSite, fromNative } from './native-error.js';

/**
 * A tensor as coded bytes, by `threads` threads, 1 or more; `dense` must not change meanwhile. See Addon.encodeSparse.
 * @throws WeightsError for values that cannot be rounded so; UsageError; OutOfMemoryError; NativeLoadError
 */
export async function encodeSparse(request: Parameters<Addon['encodeSparse']>[0]): Promise<Uint8Array> {
  const site = callSite(encodeSparse);
  const addon = loadAddon();
  try {
    return await addon.encodeSparse(request);
  } catch (error) {
    throw fromNative(error, site);
  }
}

/**
 * The inverse, into `dense`, which has as many entries as the tensor; neither array may change meanwhile.
 * @throws ModelFileError on bytes that the encoder would not write; UsageError; OutOfMemoryError; NativeLoadError
 */
export async function decodeSparse(request: Parameters<Addon['decodeSparse']>[0]): Promise<void> {
  const site = callSite(decodeSparse);
  const addon = loadAddon();
  try {
    await addon.decodeSparse(request);
  } catch (error) {
    throw fromNative(error, site);
  }
}
