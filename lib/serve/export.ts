/** A network in the formats of other programs, dense. */

import { stat } from 'node:fs/promises';
import { checkArgument, checkFields, oneOf, path as pathRule, type Rules } from '../arguments.js';
import { writeFileAtomically } from '../atomic-file.js';
import { onnxPieces, parameterShapes, writePlainSafetensors } from '../models/index.js';
import { refuseSources } from '../same-file.js';
import { EXPORT_FORMATS, formatByExtension, type ExportFormat } from './export-format.js';
import { loadNetwork, type LoadedNetwork, type ModelSource } from './source.js';

export interface ExportOptions {
  /** That of the extension of the file to write, .onnx or .safetensors, if not given. */
  format?: ExportFormat | undefined;
}

const RULES: Rules<ExportOptions> = { format: oneOf(EXPORT_FORMATS) };

export interface ExportResult {
  format: ExportFormat;
  /** Name of the architecture. */
  architecture: string;
  /** Parameters by name, and the numbers in them. */
  tensors: number;
  parameters: number;
  /** Weights that are 0: those that were pruned. */
  zeros: number;
  /** Of the file the weights were read from, and of the one written. */
  bytesBefore: number;
  bytes: number;
}

type Write = (out: string, network: LoadedNetwork) => Promise<void>;

const WRITERS: Record<ExportFormat, Write> = {
  onnx: (out, { spec, tensors, labels }) => {
    const pieces = onnxPieces(spec, tensors, labels);
    return writeFileAtomically(out, async (append) => {
      for (const piece of pieces) await append(piece);
    });
  },
  safetensors: (out, { spec, tensors, labels }) => {
    const named = parameterShapes(spec).map(
      ({ name, shape }) => [name, { shape, data: tensors.get(name)!.data }] as const,
    );
    return writePlainSafetensors(out, new Map(named), {
      name: spec.name,
      preprocessing: JSON.stringify(spec.input),
      labels: labels === null ? undefined : JSON.stringify(labels),
    });
  },
};

/**
 * Writes a whole network for other programs, every weight as float32: pruned ones are zeros there, so that the file is as
 * large as the dense network's.
 *
 * 'onnx' is a model of opset 13: input "input", float32 [batch, channels, size, size], normalised as its
 * `metadata_props.preprocessing` says; output the logits, float32 [batch, classes]. 'safetensors' is the parameters by their names,
 * which are those of torchvision's networks: `load_state_dict` takes them. Either has "preprocessing" and, where they are known,
 * "labels" in its metadata, as JSON.
 *
 * @param source path of a model file, or an architecture and weights that were never tuned; these must hold every parameter
 * @param out the file to write, atomically; one that is there is replaced, but never one the network is read from
 * @throws ModelFileError, WeightsError, SpecError the network cannot be read, or is past what ONNX holds (2 GiB); FileError;
 *   UsageError
 * @example
 * await exportModel('run/model.safetensors', 'trees.onnx');
 */
export async function exportModel(
  source: ModelSource,
  out: string,
  options: ExportOptions = {},
): Promise<ExportResult> {
  checkArgument('out', out, pathRule);
  checkFields('exportModel', options, RULES);
  const format = options.format ?? formatByExtension(out);
  const network = await loadNetwork(source, { whole: true });
  await refuseSources(out, typeof source === 'string' ? [source] : [source.weights, source.model], 'the network');
  await WRITERS[format](out, network);
  const weights = typeof source === 'string' ? source : source.weights;
  return {
    format,
    architecture: network.spec.name,
    ...countsOf(network),
    bytesBefore: (await stat(weights)).size,
    bytes: (await stat(out)).size,
  };
}

function countsOf({ spec, tensors }: LoadedNetwork): Pick<ExportResult, 'tensors' | 'parameters' | 'zeros'> {
  const shapes = parameterShapes(spec);
  let parameters = 0;
  let zeros = 0;
  for (const { name, kind } of shapes) {
    const { data } = tensors.get(name)!;
    parameters += data.length;
    if (kind === 'weight') for (const value of data) zeros += value === 0 ? 1 : 0;
  }
  return { tensors: shapes.length, parameters, zeros };
}
