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

/**
 * A Gaussian process for each quantity that is measured, fitted to the same observations, with what is known exactly beside them.
 * Quantities are in the caller's units; times in rounds.
 */
export class Model {
  readonly objective: Surrogate | null;
  readonly constraints: Surrogate[];
  /** Points imagined and what is expected of their objective, offset included; Infinity where they are expected to be infeasible. */
  readonly imagined: { point: Float64Array; objective: number }[] = [];
  /**
   * @param observations at least one that did not fail.
   * @param time the time beliefs and candidates refer to.
   * @throws NumericsError where a covariance cannot be factored even with jitter (gp.ts).
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
            (worst) => worst,
          ),
          { ...fitting, previous: previous.objective, warped: false, trend: false },
        );
    this.constraints = previous.constraints.map((hyperparameters, index) =>
      buildSurrogate(
        this.measurements(
          (observation) => observation.constraints[index] ?? null,
          (observation) => observation.constraintNoiseVariance[index] ?? null,
          // Not met, whatever was seen: where all else is feasible, the worst seen would be feasible, too.
          (worst, size) => Math.max(worst, size > 0 ? size : 1),
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

  /**
   * Takes `point` for evaluated with the outcome the model expects (Ginsbourger et al. 2010, "kriging believer").
   *
   * @param point in [0, 1]^dimensions.
   */
  imagine(point: ArrayLike<number>): void {
    this.imagined.push({ point: Float64Array.from(point), objective: this.imaginedObjective(point) });
    for (const { process } of [...(this.objective ? [this.objective] : []), ...this.constraints]) {
      process.extend(
        point,
        this.time,
        process.predictMean(point, this.time),
        1e-6 * process.hyperparameters.signalVariance,
      );
    }
  }

  /** What is expected of the objective at `point`; Infinity where it is expected to be infeasible. */
  private imaginedObjective(point: ArrayLike<number>): number {
    const feasible =
      this.constraints.every((surrogate) => this.expectation(surrogate, point) <= 0) &&
      this.known.constraints.every((constraint) => constraint.value(point) <= 0);
    if (!feasible) return Infinity;
    if (this.known.objective) return this.known.objective.value(point);
    return (this.known.offset?.value(point) ?? 0) + this.expectation(this.objective!, point);
  }

  private believe(observation: Observation): Belief {
    const { point } = observation;
    const current = observation.time === this.time;
    const exact = this.known.offset?.value(point) ?? 0;
    // An objective of this moment is taken at its word where it is said to be exact, a constraint also where nothing is said of
    // its noise: most are computed, and what was measured as met must not count as missed. Any other is what the model makes of it.
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
      const { warp, scale } = surrogate.standardization;
      violation += Math.max(0, warp > 0 ? Math.asinh(value / warp) : value) / scale;
      return value;
    });
    for (const constraint of this.known.constraints) violation += Math.max(0, constraint.value(point));
    return { observation, objective, constraints, feasible: violation === 0, violation };
  }

  private expectation({ process, standardization }: Surrogate, point: ArrayLike<number>): number {
    return restoreValue(standardization, process.predictMean(point, this.time));
  }

  /**
   * One quantity over all observations. A failed one counts as `failedOf` says, from the worst value seen and the largest size, so
   * that its surroundings are avoided.
   */
  private measurements(
    valueOf: (observation: Observation) => number | null,
    noiseOf: (observation: Observation) => number | null,
    failedOf: (worst: number, size: number) => number,
  ): Measurements {
    const { observations } = this;
    const { dimensions, forgetting } = this.settings;
    const known = observations.filter(({ failed }) => !failed).map((observation) => valueOf(observation)!);
    const failed = failedOf(
      known.reduce((a, b) => Math.max(a, b), -Infinity),
      known.reduce((a, b) => Math.max(a, Math.abs(b)), 0),
    );
    return {
      dimensions,
      points: Float64Array.from(observations.flatMap(({ point }) => point)),
      times: Float64Array.from(observations, ({ time }) => (forgetting === 'none' ? 0 : time)),
      values: Float64Array.from(observations, (observation) => valueOf(observation) ?? failed),
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
