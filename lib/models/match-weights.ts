/** A weight file's tensors put to a network's parameters. */
import { WeightsError } from '../errors.js';
import { shapeText } from './operators.js';
import { elementsOf, parameterShapes, shapeWithoutOnes, type ParameterShape } from './shapes.js';
import type { ModelSpec } from './spec-types.js';
import { firstOf, quote } from './text.js';
import type { WeightFile, WeightTensor } from './weight-types.js';

export interface MatchedWeights {
  /** By parameter name, in the network's shapes. */
  tensors: Map<string, WeightTensor>;
  /** Parameters that the file does not give, to be initialised. */
  fresh: string[];
  /** Tensors of the file that the network has no use for. */
  ignored: string[];
  /** The head starts fresh because the file's has another number of classes. */
  headReplaced: boolean;
}

function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

/** Whether a tensor is the parameter under another way to write its shape. */
function fits(tensor: WeightTensor, shape: readonly number[], file: WeightFile): boolean {
  if (sameShape(tensor.shape, shape)) return true;
  if (tensor.data.length !== elementsOf(shape)) return false;
  // Caffe writes one matrix as 1 x 1 x out x in, out x in x 1 x 1 or out x (channels x height x width): all row-major.
  const sameRows = tensor.shape.find((extent) => extent !== 1) === shape.find((extent) => extent !== 1);
  return (
    (file.format === 'caffemodel' && sameRows) || sameShape(shapeWithoutOnes(tensor.shape), shapeWithoutOnes(shape))
  );
}

/** Whether only the class count of a head's parameter differs. */
function isOtherHead(tensor: WeightTensor, shape: readonly number[]): boolean {
  const given = tensor.shape.length > shape.length ? tensor.shape.slice(-shape.length) : tensor.shape;
  return given.length === shape.length && given[0] !== shape[0] && sameShape(given.slice(1), shape.slice(1));
}

function checkFinite(file: WeightFile, name: string, data: Float32Array): void {
  // One sum instead of a test an element: it is NaN or infinite as soon as one of them is.
  let sum = 0;
  for (const value of data) sum += value * 0;
  if (sum !== 0)
    throw new WeightsError(
      `${file.path}: tensor ${quote(name)} holds NaN or infinite values; get another copy of the weights`,
    );
}

const expected = ({ name, shape }: ParameterShape): string => `${name} [${shapeText(shape)}]`;

/**
 * Finds every parameter of `spec` in `file`.
 *
 * The head starts fresh where only its class count differs. Anything else missing or of another shape is an error that
 * lists what was expected, unless `partial` lets it start fresh.
 *
 * @param options.mend what the message says of a file that lacks some: where nothing may start fresh, --partial is no help
 * @throws WeightsError for weights of another network, missing or misshapen tensors, NaN.
 */
export function matchWeights(
  spec: ModelSpec,
  file: WeightFile,
  options: { partial: boolean; mend?: string },
): MatchedWeights {
  const parameters = parameterShapes(spec);
  const tensors = new Map<string, WeightTensor>();
  const missing: ParameterShape[] = [];
  const misshapen: ParameterShape[] = [];
  const otherHead = parameters.some(({ name, node, kind, shape }) => {
    const tensor = file.tensors.get(name);
    return node === spec.head && kind === 'weight' && tensor !== undefined && isOtherHead(tensor, shape);
  });
  const fresh: string[] = [];
  for (const parameter of parameters) {
    const tensor = file.tensors.get(parameter.name);
    if (otherHead && parameter.node === spec.head) fresh.push(parameter.name);
    else if (tensor === undefined) missing.push(parameter);
    else if (!fits(tensor, parameter.shape, file)) misshapen.push(parameter);
    else tensors.set(parameter.name, { ...tensor, shape: parameter.shape });
  }
  const known = new Set(parameters.map(({ name }) => name));
  const ignored = [...file.tensors.keys()].filter((name) => !known.has(name));
  const found = [
    ...(missing.length > 0 ? [`${missing.length} missing: ${firstOf(missing.map(expected))}`] : []),
    ...(misshapen.length > 0
      ? [
          `${misshapen.length} of another shape: ${firstOf(
            misshapen.map(
              (parameter) => `${expected(parameter)} is [${shapeText(file.tensors.get(parameter.name)!.shape)}]`,
            ),
          )}`,
        ]
      : []),
    ...(ignored.length > 0
      ? [`${ignored.length} not of this network: ${firstOf(ignored.map((name) => quote(name)))}`]
      : []),
  ].join('; ');
  const wrong = missing.length + misshapen.length;
  // Weights decide whose file it is: biases of equal length turn up in networks of all kinds.
  const body = parameters.filter(({ node, kind }) => kind === 'weight' && node !== spec.head);
  const matched = body.filter(({ name }) => tensors.has(name)).length;
  if (wrong > 0 && body.length > 0 && (matched === 0 || (!options.partial && matched * 2 < body.length))) {
    throw new WeightsError(
      `${file.path}: weights of another network, only ${matched} of the ${body.length} weights before the head of ${spec.name} fit (${found}); give the weights of ${spec.name}, or another --model`,
    );
  }
  if (wrong > 0 && !options.partial) {
    throw new WeightsError(
      `${file.path}: does not fit ${spec.name} (${found}); ${options.mend ?? 'give --partial to start what is missing fresh'}`,
    );
  }
  for (const [name, { data }] of tensors) checkFinite(file, name, data);
  const lacking = new Set([...fresh, ...missing.map(({ name }) => name), ...misshapen.map(({ name }) => name)]);
  return {
    tensors,
    fresh: parameters.filter(({ name }) => lacking.has(name)).map(({ name }) => name),
    ignored,
    headReplaced: otherHead,
  };
}
