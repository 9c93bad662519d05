/** What a weight file or model holds. */

import { checkArgument, checkFields, modelName, path as pathRule, type Rules } from '../arguments.js';
import { inspectFile, loadSpec, type Inspection } from '../models/index.js';

export interface InspectOptions {
  /** Architecture the weights are of, a name in models/ or the path of a spec; a model file brings its own. */
  model?: string | undefined;
}

const RULES: Rules<InspectOptions> = { model: modelName };

/**
 * Layers and totals of a .safetensors, .pth, .pt, .caffemodel or model file: shapes, kept weights, density, bytes.
 *
 * @throws WeightsError, ModelFileError the file is damaged or of an unknown kind; SpecError; FileError; UsageError
 * @example
 * const { total } = await inspect('run/model.safetensors');
 */
export async function inspect(path: string, options: InspectOptions = {}): Promise<Inspection> {
  checkArgument('path', path, pathRule);
  checkFields('inspect', options, RULES);
  const { model } = options;
  return inspectFile(path, model === undefined ? undefined : loadSpec(model));
}
