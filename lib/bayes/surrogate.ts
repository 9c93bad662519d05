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

/** How one quantity was standardised: value = shift + scale * standardised, or warp * sinh of that where warp > 0. */
export interface Standardization {
  shift: number;
  scale: number;
  warp: number;
}

/** The value a standardised one stands for. */
export function restoreValue({ shift, scale, warp }: Standardization, standardized: number): number {
  const value = shift + scale * standardized;
  return warp > 0 ? warp * Math.sinh(value) : value;
}

/**
 * The unit in which a constraint is nearly linear: asinh(c / unit) keeps its sign, is linear where feasibility is decided
 * and logarithmic far from there, where only "much too large" matters (the part of Eriksson and Poloczek's bilog).
 */
function warpUnit({ values, noiseVariances }: Measurements): number {
  const sizes = values.map(Math.abs).sort();
  const noises = noiseVariances
    .filter((noise) => !Number.isNaN(noise))
    .map(Math.sqrt)
    .sort();
  const unit = Math.max(sizes[Math.floor(0.25 * sizes.length)] ?? 0, noises[Math.floor(0.5 * noises.length)] ?? 0);
  return unit > 0 ? unit : 1;
}

/**
 * Standardises values to mean 0 and deviation 1; a constant quantity keeps its scale.
 *
 * @param warped whether values pass through asinh first, and noise with its slope (the delta method).
 */
function standardize(
  measurements: Measurements,
  warped: boolean,
): { observations: Observations; standardization: Standardization } {
  const { dimensions, points, times } = measurements;
  const warp = warped ? warpUnit(measurements) : 0;
  const values = warped ? measurements.values.map((value) => Math.asinh(value / warp)) : measurements.values;
  const noiseVariances = warped
    ? measurements.noiseVariances.map((noise, i) => noise / (warp * warp + measurements.values[i] ** 2))
    : measurements.noiseVariances;
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
    standardization: { shift, scale, warp },
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
  /** Whether values are warped around 0, for a constraint. */
  warped: boolean;
  /** Whether the covariance has a linear trend. */
  trend: boolean;
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
  const { observations, standardization } = standardize(measurements, options.warped);
  const hyperparameters =
    options.fit || options.previous === null
      ? fitHyperparameters(observations, new Random(options.seed), options)
      : options.previous;
  return { process: new GaussianProcess(observations, hyperparameters, options.room), standardization };
}
