export type { ModelInput, ModelNode, ModelSpec, OperatorName } from './spec-types.js';
export { validateSpec } from './validate-spec.js';
export { elementsOf, inferShapes, parameterShapes, topologicalOrder, type ParameterShape } from './shapes.js';
export { classCount, listModels, loadSpec, toGraph, toNormalization, withClasses } from './spec.js';
export type { WeightFile, WeightFormat, WeightTensor } from './weight-types.js';
export { readWeights } from './read-weights.js';
export { onnxPieces, writeOnnx, type OnnxTensors } from './onnx-writer.js';
export { matchWeights, type MatchedWeights } from './match-weights.js';
export {
  readSafetensorsHeader,
  readSafetensorsTensor,
  writePlainSafetensors,
  writeSafetensors,
  type ElementType,
  type SafetensorsEntry,
  type SafetensorsHeader,
  type SafetensorsTensor,
} from './safetensors.js';
export {
  readModelFile,
  readPackedWeights,
  writeModelFile,
  writePackedWeights,
  type Json,
  type ModelFile,
  type ModelFileContent,
} from './model-file.js';
export { inspectFile, type InspectedLayer, type Inspection } from './inspect.js';
export { pack, PACKED_VALUES, unpack, type PackedValues, type PackOptions, type PackResult } from './pack.js';
