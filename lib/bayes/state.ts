/**
 * The state of an optimizer, and whether a value read from a file is one: everything the search would trip over later is looked
 * at here.
 */
import { UsageError } from '../errors.js';
import { checkPoint } from './checks.js';
import type { ModelHyperparameters } from './model.js';
import { type Observation, type OptimizerSettings, settingsFrom } from './options.js';
import type { RandomState } from './rng.js';
import type { TrustRegionState } from './trust-region.js';

/** Everything a search needs to go on, fit for JSON; the known functions are given again to `restore`. */
export interface OptimizerState {
  version: 1;
  settings: OptimizerSettings;
  random: RandomState;
  time: number;
  observations: Observation[];
  /** Asked and not told yet. */
  pending: number[][];
  /** Enqueued and not asked yet. */
  queue: number[][];
  /** What is left of the initial design. */
  design: number[][];
  hyperparameters: ModelHyperparameters;
  /** Observations there were at the last fit. */
  fitted: number;
  fits: number;
  region: TrustRegionState;
}

const isCount = (value: unknown): boolean => Number.isInteger(value) && (value as number) >= 0;
const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

function isRegion(value: unknown): boolean {
  const { length, successes, failures, restarts } = (value ?? {}) as Partial<OptimizerState['region']>;
  return Number.isFinite(length) && [successes, failures, restarts].every(isCount);
}

/** What each field has to be; settings and points are looked at on their own. */
const FIELDS: Record<Exclude<keyof OptimizerState, 'version'>, (value: unknown) => boolean> = {
  settings: isObject,
  random: (value) => Array.isArray(value) && value.length === 4 && value.every(isCount),
  time: Number.isFinite,
  observations: Array.isArray,
  pending: Array.isArray,
  queue: Array.isArray,
  design: Array.isArray,
  hyperparameters: (value) =>
    isObject(value) && Array.isArray((value as OptimizerState['hyperparameters']).constraints),
  fitted: isCount,
  fits: isCount,
  region: isRegion,
};

/**
 * @param knownObjective whether a known objective is given beside the state.
 * @throws UsageError saying which field is not as a state has it.
 */
export function checkState(state: OptimizerState, knownObjective: boolean): void {
  const where = 'BayesianOptimizer.restore';
  if (!isObject(state) || (state.version as number) !== 1) {
    throw new UsageError(`${where}: expected a state of version 1; start a new search`);
  }
  for (const [name, isRight] of Object.entries(FIELDS)) {
    if (!isRight(state[name as keyof OptimizerState])) {
      throw new UsageError(`${where}: ${name} is not what a state has there; start a new search`);
    }
  }
  const { dimensions, constraints } = settingsFrom(state.settings);
  if (state.hyperparameters.constraints.length !== constraints) {
    throw new UsageError(`${where}: expected hyperparameters of ${constraints} constraints; start a new search`);
  }
  const observedPoints = (state.observations as (Observation | null)[]).map((one) => one?.point);
  for (const points of [state.pending, state.queue, state.design, observedPoints]) {
    for (const point of points) checkPoint(point, dimensions, where);
  }
  for (const { failed, objective, constraints: values, time } of state.observations) {
    if (!Number.isFinite(time) || (!failed && values.length !== constraints)) {
      throw new UsageError(`${where}: an observation lacks its time or its constraints; start a new search`);
    }
    if (!failed && objective === null && !knownObjective) {
      throw new UsageError(`${where}: the objective of this search was a known function; give it again to restore`);
    }
  }
}
