/** Arithmetic over layers' counts. */
import type { LayerCount } from '../native/addon.js';
import type { Session } from '../native/session.js';

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

/** Biases, BatchNorm's scales and shifts: parameters that no mask touches. Running statistics are no parameters. */
export function fixedParametersOf(session: Session): number {
  return session
    .describeParameters()
    .filter((item) => !item.prunable && item.kind !== 'running_mean' && item.kind !== 'running_var')
    .reduce((sum, item) => sum + item.shape.reduce((product, length) => product * length, 1), 0);
}
