export { diagnose, type Diagnosis } from './diagnosis.js';
export { evaluate, type EvaluateOptions, type EvaluateReport } from './evaluate.js';
export { exportModel, type ExportOptions, type ExportResult } from './export.js';
export type { ExportFormat } from './export-format.js';
export { inspect, type InspectOptions } from './inspect.js';
export type { ImageInput, RawImage } from './image-input.js';
export type { ServeMetrics } from './metrics.js';
export {
  loadModel,
  type ClassifyListOptions,
  type ClassifyOptions,
  type LoadModelOptions,
  Model,
  type Prediction,
} from './model.js';
export type { ServingOptions } from './serving-session.js';
export type { ModelSource, UntunedNetwork } from './source.js';
