/** Where a network to serve comes from: a model file, or an architecture with weights that were never tuned. */

import {
  checkArgument,
  checkFields,
  modelName,
  path,
  required,
  texts,
  trueOrFalse,
  type Rule,
  type Rules,
} from '../arguments.js';
import { WeightsError } from '../errors.js';
import {
  classCount,
  loadSpec,
  matchWeights,
  readModelFile,
  readWeights,
  withClasses,
  type MatchedWeights,
  type ModelSpec,
  type WeightFile,
} from '../models/index.js';

/** A network that was never tuned: its architecture and its weights. */
export interface UntunedNetwork {
  /** Name in models/ or path of a spec. */
  model: string;
  /** .safetensors, .pth, .pt or .caffemodel. */
  weights: string;
  /** Let parameters that the weight file lacks start fresh, from seed 0. */
  partial?: boolean | undefined;
  /** One label a class; "0", "1", ... where absent. */
  labels?: readonly string[] | undefined;
}

const NETWORK_RULES: Rules<UntunedNetwork> = {
  model: required(modelName),
  weights: required(path),
  partial: trueOrFalse,
  labels: texts,
};

/** Path of a model file, or a network that was never tuned. */
export type ModelSource = string | UntunedNetwork;

const SOURCE_RULE: Rule = {
  expected: "a model file's path or { model, weights }",
  accepts: (value) =>
    path.accepts(value) || (typeof value === 'object' && value !== null && ('model' in value || 'weights' in value)),
};

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
 * @param options.whole refuse weights that lack a parameter, whatever the source says of `partial`
 * @throws ModelFileError, WeightsError, SpecError for files that cannot be used; UsageError where it is no source
 */
export async function loadNetwork(source: ModelSource, { whole = false } = {}): Promise<LoadedNetwork> {
  checkArgument('the source', source, SOURCE_RULE);
  if (typeof source === 'string') {
    const { spec, labels, tensors, provenance } = await readModelFile(source);
    return { spec, labels, tensors, fresh: [], provenance: asRecord(provenance) };
  }
  checkFields('the source', source, NETWORK_RULES);
  const file = await readWeights(source.weights);
  const spec = withClassesOf(file, loadSpec(source.model));
  const matched = whole ? matchAll(spec, file) : matchWeights(spec, file, { partial: source.partial ?? false });
  const labels = source.labels ?? null;
  if (labels !== null && labels.length !== classCount(spec)) {
    throw new WeightsError(
      `${labels.length} labels for ${spec.name}, which has ${classCount(spec)} classes; give one label a class`,
    );
  }
  return { spec, labels, tensors: matched.tensors, fresh: matched.fresh, provenance: null };
}

/** @throws WeightsError where a parameter would start fresh */
function matchAll(spec: ModelSpec, file: WeightFile): MatchedWeights {
  const mend = 'give weights that hold every parameter';
  const matched = matchWeights(spec, file, { partial: false, mend });
  if (matched.fresh.length === 0) return matched;
  throw new WeightsError(`${file.path}: no values for ${matched.fresh.join(', ')} of ${spec.name}; ${mend}`);
}

/** The spec with as many classes as the weights' head has: nobody has to write a spec to change a number. */
function withClassesOf({ tensors }: WeightFile, spec: ModelSpec): ModelSpec {
  const classes = tensors.get(`${spec.head}.bias`)?.data.length;
  return classes === undefined || classes === classCount(spec) ? spec : withClasses(spec, classes);
}

function asRecord(value: unknown): Record<string, unknown> | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : null;
}
