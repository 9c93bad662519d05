/**
 * finepune-native: fine-prune a pre-trained convolutional network to your images, and serve the small one from Node.
 *
 * Importing this loads no native code; the first call that needs it does.
 */

export { tune, resume, type ResumeOptions, type TuneRun } from './tuner/index.js';
export type {
  Criterion,
  DataEvent,
  DoneEvent,
  EvaluationEvent,
  FinetuneEvent,
  LayerResult,
  LearningRateDecay,
  ProgressEvent,
  RoundEvent,
  StartEvent,
  TuneConfig,
  TuneEvent,
  TuneOptions,
  TuneResult,
  WarmupEvent,
} from './run/types.js';
export {
  diagnose,
  evaluate,
  exportModel,
  inspect,
  loadModel,
  type ClassifyListOptions,
  type ClassifyOptions,
  type Diagnosis,
  type EvaluateOptions,
  type EvaluateReport,
  type ExportFormat,
  type ExportOptions,
  type ExportResult,
  type ImageInput,
  type InspectOptions,
  type LoadModelOptions,
  type Model,
  type ModelSource,
  type Prediction,
  type RawImage,
  type ServeMetrics,
  type ServingOptions,
  type UntunedNetwork,
} from './serve/index.js';
export { buildReport, type ReportOptions } from './report/index.js';
export {
  listModels,
  pack,
  unpack,
  type InspectedLayer,
  type Inspection,
  type ModelInput,
  type ModelNode,
  type ModelSpec,
  type PackedValues,
  type PackOptions,
  type PackResult,
} from './models/index.js';
export {
  BayesianOptimizer,
  type Evaluation,
  type Incumbent,
  type KnownConstraint,
  type KnownFunctions,
  type Observation,
  type OptimizerOptions,
  type OptimizerSettings,
  type OptimizerState,
  type PointFunction,
  type PointGradient,
  type Strategy,
} from './bayes/index.js';
export * from './errors.js';
