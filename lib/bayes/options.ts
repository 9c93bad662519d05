/**
 * What a caller gives to the optimizer and gets from it.
 */
import { describeValue, UsageError } from '../errors.js';
import { checkFlag, checkFunction, checkList, checkObject, checkPoint } from './checks.js';
import type { PointFunction, PointGradient } from './known-function.js';

/** A constraint that is computed exactly; met where its value is <= 0. */
export interface KnownConstraint {
  value: PointFunction;
  gradient?: PointGradient | undefined;
}

/** Functions of the point the optimizer computes instead of modelling. Not part of the saved state. */
export interface KnownFunctions {
  /** The objective itself, where it is known: only the constraints are then measured and modelled. */
  objective?: PointFunction | undefined;
  objectiveGradient?: PointGradient | undefined;
  /** Added to the measured objective; computed, never modelled. */
  offset?: PointFunction | undefined;
  offsetGradient?: PointGradient | undefined;
  /** Constraints that are known; measured ones are counted by `constraints`. */
  knownConstraints?: KnownConstraint[] | undefined;
}

/** `auto` takes the trust region beyond 15 dimensions or 200 evaluations. */
export type Strategy = 'global' | 'trust-region';

/** The numbers that fix a search; part of the saved state. */
export interface OptimizerSettings {
  /** Coordinates, 1 to 256. */
  dimensions: number;
  /** Selects the sequence of suggestions. */
  seed: number;
  /** Points of the space-filling design asked before the model is trusted; default 2 (d + 1), at least 6, at most 20. */
  initial: number;
  /** Measured constraints; default 0. */
  constraints: number;
  /** Default `auto`. */
  strategy: Strategy | 'auto';
  /** Whether observations of earlier times are trusted less, at a learned rate, or like new ones; default `learned`. */
  forgetting: 'learned' | 'none';
  /** Whether constraints are modelled with a linear trend; default: where the objective is known. */
  trend: boolean;
  /** Whether constraints are modelled on a scale that is fine around 0 and coarse far from it; default true. */
  warpConstraints: boolean;
  /**
   * A point known to be feasible, such as "prune nothing". The initial design then lies at graded distances from it instead
   * of all over the cube, of which most may be infeasible. Default null.
   */
  safe: number[] | null;
}

export type OptimizerOptions = Pick<OptimizerSettings, 'dimensions' | 'seed'> & {
  [Setting in keyof OptimizerSettings]?: OptimizerSettings[Setting] | undefined;
} & KnownFunctions;

/** The outcome of evaluating one point. */
export interface Evaluation {
  /** To be minimised; not needed where the objective is known. With an offset: the measured part alone. */
  objective?: number | undefined;
  /** One a measured constraint; met where <= 0. Taken at its word unless its noise is told below. */
  constraints?: number[] | undefined;
  /** Variance of the noise of `objective` where known; learned from the data where not. */
  noiseVariance?: number | undefined;
  /** The same a constraint. */
  constraintNoiseVariance?: number[] | undefined;
  /** When it was measured, in rounds; default: the optimizer's current time. */
  time?: number | undefined;
  /**
   * The evaluation broke down: remembered as bad, values not needed. Its surroundings are avoided through what is modelled; with a
   * known objective and no measured constraint nothing is, and only the point itself is not asked again.
   */
  failed?: boolean | undefined;
}

/** An evaluation as it is remembered; null where a number was not given. */
export interface Observation {
  point: number[];
  objective: number | null;
  constraints: number[];
  noiseVariance: number | null;
  constraintNoiseVariance: (number | null)[];
  time: number;
  failed: boolean;
}

/** The best point so far. */
export interface Incumbent {
  point: number[];
  /** Objective, known offset included: the model's estimate where measurements are noisy or old, else as told. */
  objective: number;
  /** Measured constraints in the same way. */
  constraints: number[];
}

/** Whose constructor speaks. */
const WHERE = 'BayesianOptimizer';

/** Larger measurements are refused: their squares, summed up, would not be finite. */
const LARGEST = 1e150;

/** Settings from options, with defaults. @throws UsageError naming the option at fault. */
export function settingsFrom(options: OptimizerOptions): OptimizerSettings {
  checkObject(options, WHERE, 'an object of options');
  const { dimensions, seed } = options;
  const whole = (name: string, value: number, low: number, high: number): void => {
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new UsageError(
        `${WHERE}: expected an integer from ${low} to ${high} for ${name} but received ${describeValue(value)}`,
      );
    }
  };
  whole('dimensions', dimensions, 1, 256);
  if (!Number.isFinite(seed)) {
    throw new UsageError(`${WHERE}: expected a finite number for seed but received ${describeValue(seed)}`);
  }
  const settings: OptimizerSettings = {
    dimensions,
    seed,
    initial: options.initial ?? Math.min(20, Math.max(6, 2 * (dimensions + 1))),
    constraints: options.constraints ?? 0,
    strategy: options.strategy ?? 'auto',
    forgetting: options.forgetting ?? 'learned',
    trend: options.trend ?? options.objective !== undefined,
    warpConstraints: options.warpConstraints ?? true,
    safe: options.safe ?? null,
  };
  oneOf('strategy', settings.strategy, ['auto', 'global', 'trust-region']);
  oneOf('forgetting', settings.forgetting, ['learned', 'none']);
  whole('initial', settings.initial, 1, 100000);
  whole('constraints', settings.constraints, 0, 100);
  checkFlag(settings.trend, WHERE, 'trend');
  checkFlag(settings.warpConstraints, WHERE, 'warpConstraints');
  if (settings.safe !== null) {
    checkPoint(settings.safe, dimensions, `${WHERE}: safe`);
    settings.safe = [...settings.safe];
  }
  checkFunctions(options);
  if (options.objective && options.offset) {
    throw new UsageError('BayesianOptimizer: expected either a known objective or an offset but received both');
  }
  return settings;
}

function oneOf(name: string, value: string, allowed: readonly string[]): void {
  if (!allowed.includes(value)) {
    throw new UsageError(
      `${WHERE}: expected one of ${allowed.join(', ')} for ${name} but received ${describeValue(value)}`,
    );
  }
}

/** @throws UsageError where a known function is given and is none. */
export function checkFunctions(functions: KnownFunctions): void {
  checkObject(functions, WHERE, 'an object of functions');
  const { objective, objectiveGradient, offset, offsetGradient, knownConstraints = [] } = functions;
  for (const [name, value] of Object.entries({ objective, objectiveGradient, offset, offsetGradient })) {
    if (value !== undefined) checkFunction(value, WHERE, name);
  }
  checkList(knownConstraints, WHERE, 'knownConstraints');
  for (const [index, constraint] of knownConstraints.entries()) {
    const name = `knownConstraints[${index}]`;
    checkObject(constraint, WHERE, `an object such as { value } for ${name}`);
    checkFunction(constraint.value, WHERE, `${name}.value`);
    if (constraint.gradient !== undefined) checkFunction(constraint.gradient, WHERE, `${name}.gradient`);
  }
}

/** An evaluation checked and completed. @throws UsageError naming the field at fault. */
export function observationFrom(
  point: readonly number[],
  evaluation: Evaluation,
  settings: OptimizerSettings,
  knownObjective: boolean,
  currentTime: number,
): Observation {
  checkPoint(point, settings.dimensions, 'tell');
  checkObject(evaluation, 'tell', 'an object such as { objective: 1 }');
  const failed = evaluation.failed ?? false;
  checkFlag(failed, 'tell', 'failed');
  const finite = (name: string, value: unknown): void => {
    if (typeof value !== 'number' || !(Math.abs(value) <= LARGEST)) {
      throw new UsageError(
        `tell: expected a number of at most ${LARGEST} in size for ${name} but received ${describeValue(value)}; ` +
          'tell { failed: true } where there is none',
      );
    }
  };
  const constraints = evaluation.constraints ?? [];
  const noise = evaluation.constraintNoiseVariance ?? [];
  checkList(constraints, 'tell', 'constraints');
  checkList(noise, 'tell', 'constraintNoiseVariance');
  if (!failed) {
    if (!knownObjective || evaluation.objective !== undefined) finite('objective', evaluation.objective);
    if (constraints.length !== settings.constraints) {
      throw new UsageError(`tell: expected ${settings.constraints} constraints but received ${constraints.length}`);
    }
    constraints.forEach((value, index) => finite(`constraints[${index}]`, value));
  }
  if (noise.length > 0 && noise.length !== settings.constraints) {
    throw new UsageError(
      `tell: expected ${settings.constraints} values for constraintNoiseVariance but received ${noise.length}`,
    );
  }
  for (const variance of [evaluation.noiseVariance ?? 0, ...noise] as unknown[]) {
    if (!(typeof variance === 'number' && variance >= 0 && variance <= LARGEST)) {
      throw new UsageError(
        `tell: expected a noise variance from 0 to ${LARGEST} but received ${describeValue(variance)}`,
      );
    }
  }
  const time = evaluation.time ?? currentTime;
  finite('time', time);
  return {
    point: [...point],
    objective: failed ? null : (evaluation.objective ?? null),
    constraints: failed ? [] : [...constraints],
    noiseVariance: evaluation.noiseVariance ?? null,
    constraintNoiseVariance: constraints.map((_, index) => noise[index] ?? null),
    time,
    failed,
  };
}
