/** Arithmetic over layers' counts. */
import type { LayerCount } from '../native/addon.js';

/** Parameters in all over parameters left, those never pruned counted in both; 1 or more. */
export function compressionOf(layers: readonly LayerCount[], fixedParameters: number): number {
  let total = fixedParameters;
  let kept = fixedParameters;
  for (const layer of layers) {
    total += layer.count;
    kept += layer.kept;
  }
  return total / kept;
}
