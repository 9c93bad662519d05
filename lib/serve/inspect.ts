/** What a weight file or model holds. */

import { inspectFile, loadSpec, type Inspection } from '../models/index.js';

export interface InspectOptions {
  /** Architecture the weights are of, a name in models/ or the path of a spec; a model file brings its own. */
  model?: string | undefined;
}

/**
 * Layers and totals of a .safetensors, .pth, .pt, .caffemodel or model file: shapes, kept weights, density, bytes.
 *
 * @throws WeightsError, ModelFileError the file is damaged or of an unknown kind; SpecError
 * @example
 * const { total } = await inspect('run/model.safetensors');
 */
export async function inspect(path: string, { model }: InspectOptions = {}): Promise<Inspection> {
  return inspectFile(path, model === undefined ? undefined : loadSpec(model));
}
