/** Where a network to serve comes from: a model file, or an architecture with weights that were never tuned. */

import { WeightsError } from '../errors.js';
import { classCount, loadSpec, matchWeights, readModelFile, readWeights, type ModelSpec } from '../models/index.js';

/** A network that was never tuned: its architecture and its weights. */
export interface UntunedNetwork {
  /** Name in models/ or path of a spec. */
  model: string;
  /** .safetensors, .pth, .pt or .caffemodel. */
  weights: string;
  /** Let parameters that the weight file lacks start fresh, from seed 0. */
  partial?: boolean;
  /** One label a class; "0", "1", ... where absent. */
  labels?: readonly string[];
}

/** Path of a model file, or a network that was never tuned. */
export type ModelSource = string | UntunedNetwork;

/** A network ready to be put into a session. */
export interface LoadedNetwork {
  spec: ModelSpec;
  /** One a class; null where nobody named them. */
  labels: readonly string[] | null;
  /** Float32 values by parameter name. */
  tensors: Map<string, { shape: number[]; data: Float32Array }>;
  /** Parameters to start fresh. */
  fresh: string[];
  /** What the tuner wrote about the model's making; null for a network never tuned. */
  provenance: Record<string, unknown> | null;
}

/**
 * Reads a network with its weights.
 *
 * @throws ModelFileError, WeightsError, SpecError for files that cannot be used
 */
export async function loadNetwork(source: ModelSource): Promise<LoadedNetwork> {
  if (typeof source === 'string') {
    const { spec, labels, tensors, provenance } = await readModelFile(source);
    return { spec, labels, tensors, fresh: [], provenance: asRecord(provenance) };
  }
  const spec = loadSpec(source.model);
  const matched = matchWeights(spec, await readWeights(source.weights), { partial: source.partial ?? false });
  if (matched.headReplaced && source.partial !== true) {
    throw new WeightsError(
      `${source.weights}: its classifier does not have the ${classCount(spec)} classes of ${spec.name}; tune it first, or give --partial for a head of random weights`,
    );
  }
  const labels = source.labels ?? null;
  if (labels !== null && labels.length !== classCount(spec)) {
    throw new WeightsError(`${labels.length} labels for ${spec.name}, which has ${classCount(spec)} classes; give one label a class`);
  }
  return { spec, labels, tensors: matched.tensors, fresh: matched.fresh, provenance: null };
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}
