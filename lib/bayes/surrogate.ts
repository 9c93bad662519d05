/**
 * One measured quantity (the objective or a constraint) as a Gaussian process: standardises its values, fits, predicts.
 */
import { fitHyperparameters } from './fit.js';
import { GaussianProcess } from './gp.js';
import type { Observations } from './gp.js';
import type { Hyperparameters } from './kernel.js';
import { BOUNDS } from './priors.js';
import { Random } from './rng.js';

/** Measurements of one quantity in its own units. */
export interface Measurements {
  dimensions: number;
  /** [n, dimensions], row by row. */
  points: Float64Array;
  /** [n]. */
  times: Float64Array;
  /** [n]. */
  values: Float64Array;
  /** [n], NaN where unknown. */
  noiseVariances: Float64Array;
}

/** How one quantity was standardised: value = shift + scale * standardised. */
export interface Standardization {
  shift: number;
  scale: number;
}

/** Standardises values to mean 0 and deviation 1; a constant quantity keeps its scale. */
export function standardize(measurements: Measurements): { observations: Observations; standardization: Standardization } {
  const { values, noiseVariances, dimensions, points, times } = measurements;
  const count = values.length;
  let shift = 0;
  for (const value of values) shift += value / count;
  let variance = 0;
  for (const value of values) variance += (value - shift) ** 2 / Math.max(count - 1, 1);
  const scale = Math.sqrt(variance) > 1e-12 * Math.max(1, Math.abs(shift)) ? Math.sqrt(variance) : 1;
  return {
    observations: {
      dimensions,
      count,
      points,
      times,
      targets: values.map((value) => (value - shift) / scale),
      noiseVariances: noiseVariances.map((noise) => Math.max(noise / (scale * scale), BOUNDS.noiseVariance[0])),
    },
    standardization: { shift, scale },
  };
}

/** A fitted quantity. */
export interface Surrogate {
  process: GaussianProcess;
  standardization: Standardization;
}

export interface SurrogateOptions {
  /** Hyper-parameters of before; used as they are where `fit` is false. */
  previous: Hyperparameters | null;
  /** Whether to look for better hyper-parameters. */
  fit: boolean;
  restarts: number;
  maximumIterations: number;
  /** Selects the random starts of the fit. */
  seed: number;
  /** Room for pending points. */
  room: number;
}

/** Standardises, fits (if asked, or if nothing was fitted before) and conditions. */
export function buildSurrogate(measurements: Measurements, options: SurrogateOptions): Surrogate {
  const { observations, standardization } = standardize(measurements);
  const hyperparameters =
    options.fit || options.previous === null
      ? fitHyperparameters(observations, new Random(options.seed), options)
      : options.previous;
  return { process: new GaussianProcess(observations, hyperparameters, options.room), standardization };
}
