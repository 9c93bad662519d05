/** Bayesian optimization on its own: ask for points, tell their outcomes. Pure: no input or output, all randomness seeded. */
export { BayesianOptimizer } from './optimizer.js';
export type { OptimizerState } from './state.js';
export type {
  Evaluation,
  Incumbent,
  KnownConstraint,
  KnownFunctions,
  Observation,
  OptimizerOptions,
  OptimizerSettings,
  Strategy,
} from './options.js';
export type { PointFunction, PointGradient } from './known-function.js';
