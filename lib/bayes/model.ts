/**
 * The surrogates of one moment of the search, and what they say about the points observed so far.
 */
import type { Hyperparameters } from './kernel.js';
import type { KnownFunction } from './known-function.js';
import type { Observation, OptimizerSettings } from './options.js';
import { buildSurrogate, restoreValue } from './surrogate.js';
import type { Measurements, Surrogate, SurrogateOptions } from './surrogate.js';

/** Known functions with gradients; null or empty where everything is measured. */
export interface Known {
  objective: KnownFunction | null;
  offset: KnownFunction | null;
  constraints: KnownFunction[];
}

/** What is believed of an observed point at the current time. */
export interface Belief {
  observation: Observation;
  /** Objective, offset included. */
  objective: number;
  constraints: number[];
  feasible: boolean;
  /** Sum of the constraints' excess over 0, each in deviations of its measurements. */
  violation: number;
}

export type ModelFitting = Omit<SurrogateOptions, 'previous' | 'warped' | 'trend'>;

/** Hyper-parameters of every modelled quantity, kept between fits; null before the first. */
export interface ModelHyperparameters {
  objective: Hyperparameters | null;
  constraints: (Hyperparameters | null)[];
}

export class Model {
  readonly objective: Surrogate | null;
  readonly constraints: Surrogate[];
  /**
   * @param observations at least one that did not fail.
   * @param time the time beliefs and candidates refer to.
   */
  constructor(
    private readonly settings: OptimizerSettings,
    private readonly known: Known,
    private readonly observations: readonly Observation[],
    readonly time: number,
    previous: ModelHyperparameters,
    fitting: ModelFitting,
  ) {
    this.objective = known.objective
      ? null
      : buildSurrogate(
          this.measurements(
            (observation) => observation.objective,
            (observation) => observation.noiseVariance,
          ),
          { ...fitting, previous: previous.objective, warped: false, trend: false },
        );
    this.constraints = previous.constraints.map((hyperparameters, index) =>
      buildSurrogate(
        this.measurements(
          (observation) => observation.constraints[index] ?? null,
          (observation) => observation.constraintNoiseVariance[index] ?? null,
        ),
        {
          ...fitting,
          seed: fitting.seed + index + 1,
          previous: hyperparameters,
          warped: settings.warpConstraints,
          trend: settings.trend,
        },
      ),
    );
  }

  /** Hyper-parameters to start the next fit from. */
  hyperparameters(): ModelHyperparameters {
    return {
      objective: this.objective?.process.hyperparameters ?? null,
      constraints: this.constraints.map(({ process }) => process.hyperparameters),
    };
  }

  /** What is believed of every observed point that did not fail, in the order of observation. */
  beliefs(): Belief[] {
    return this.observations.filter(({ failed }) => !failed).map((observation) => this.believe(observation));
  }

  /** Takes `point` for evaluated with the outcome the model expects (Ginsbourger et al. 2010, "kriging believer"). */
  imagine(point: ArrayLike<number>): void {
    for (const { process } of [...(this.objective ? [this.objective] : []), ...this.constraints]) {
      process.extend(
        point,
        this.time,
        process.predictMean(point, this.time),
        1e-6 * process.hyperparameters.signalVariance,
      );
    }
  }

  private believe(observation: Observation): Belief {
    const { point } = observation;
    const current = observation.time === this.time;
    const exact = this.known.offset?.value(point) ?? 0;
    // A measurement of this moment without stated noise is taken at its word; any other is what the model makes of it.
    const objective = this.known.objective
      ? this.known.objective.value(point)
      : exact +
        (current && observation.noiseVariance === 0
          ? observation.objective!
          : this.expectation(this.objective!, point));
    let violation = 0;
    const constraints = this.constraints.map((surrogate, index) => {
      const measured = observation.constraints[index];
      const trusted = current && !(observation.constraintNoiseVariance[index]! > 0);
      const value = trusted ? measured : this.expectation(surrogate, point);
      violation += Math.max(0, value) / surrogate.standardization.scale;
      return value;
    });
    for (const constraint of this.known.constraints) violation += Math.max(0, constraint.value(point));
    return { observation, objective, constraints, feasible: violation === 0, violation };
  }

  private expectation({ process, standardization }: Surrogate, point: readonly number[]): number {
    return restoreValue(standardization, process.predictMean(point, this.time));
  }

  /** One quantity over all observations; a failed one counts as the worst seen, so that its surroundings are avoided. */
  private measurements(
    valueOf: (observation: Observation) => number | null,
    noiseOf: (observation: Observation) => number | null,
  ): Measurements {
    const { observations } = this;
    const { dimensions, forgetting } = this.settings;
    const known = observations.filter(({ failed }) => !failed).map((observation) => valueOf(observation)!);
    const worst = known.reduce((a, b) => Math.max(a, b), -Infinity);
    return {
      dimensions,
      points: Float64Array.from(observations.flatMap(({ point }) => point)),
      times: Float64Array.from(observations, ({ time }) => (forgetting === 'none' ? 0 : time)),
      values: Float64Array.from(observations, (observation) => valueOf(observation) ?? worst),
      noiseVariances: Float64Array.from(observations, (observation) => noiseOf(observation) ?? NaN),
    };
  }
}

/** The best of beliefs: the feasible one of least objective, else the one nearest to feasible; null where there is none. */
export function bestBelief(beliefs: readonly Belief[]): Belief | null {
  let best: Belief | null = null;
  for (const belief of beliefs) if (best === null || isBetter(belief, best)) best = belief;
  return best;
}

/** Whether `a` is to be preferred to `b`. */
export function isBetter(a: Belief, b: Belief): boolean {
  if (a.feasible !== b.feasible) return a.feasible;
  return a.feasible ? a.objective < b.objective : a.violation < b.violation;
}
