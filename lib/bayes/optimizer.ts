/**
 * Bayesian optimization by ask and tell in the unit cube: minimises an objective subject to constraints <= 0.
 */
import { describeValue, UsageError } from '../errors.js';
import { rankCandidates } from './candidates.js';
import { checkPoint } from './checks.js';
import { KnownFunction } from './known-function.js';
import { bestBelief, Model } from './model.js';
import type { Known, ModelFitting, ModelHyperparameters } from './model.js';
import { checkFunctions, observationFrom, settingsFrom } from './options.js';
import type {
  Evaluation,
  Incumbent,
  KnownFunctions,
  Observation,
  OptimizerOptions,
  OptimizerSettings,
  Strategy,
} from './options.js';
import { Random } from './rng.js';
import { SobolSequence } from './sobol.js';
import { checkState } from './state.js';
import type { OptimizerState } from './state.js';
import { initialTrustRegion, updateTrustRegion } from './trust-region.js';

/** Two points nearer than this in every coordinate count as one. */
const DUPLICATE = 1e-7;

/** Observations the model of a trust region is made of: enough for its box, few enough to stay quick. */
const LOCAL_OBSERVATIONS = 200;

/**
 * The optimizer. The same seed and the same calls give the same suggestions.
 *
 * @example
 * const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1 });
 * for (let i = 0; i < 40; i++) {
 *   const [point] = optimizer.ask();
 *   optimizer.tell(point, { objective: f(point) });
 * }
 * optimizer.best();
 */
export class BayesianOptimizer {
  private readonly known: Known;
  private data: OptimizerState;

  /** @throws UsageError naming the option at fault. */
  constructor(options: OptimizerOptions) {
    const settings = settingsFrom(options);
    this.known = knownFrom(options, settings.dimensions);
    const random = new Random(settings.seed);
    this.data = {
      version: 1,
      settings,
      design: spaceFilling(settings, random),
      random: random.state(),
      time: 0,
      observations: [],
      pending: [],
      queue: [],
      hyperparameters: { objective: null, constraints: new Array<null>(settings.constraints).fill(null) },
      fitted: 0,
      fits: 0,
      region: initialTrustRegion(),
    };
  }

  /**
   * An optimizer that goes on exactly where the one `state` was taken from stood.
   *
   * @param functions the known functions of before: they are code, and no part of the state.
   * @throws UsageError where `state` is not one, or was taken from a search with a known objective and none is given.
   */
  static restore(state: OptimizerState, functions: KnownFunctions = {}): BayesianOptimizer {
    checkFunctions(functions);
    checkState(state, functions.objective !== undefined);
    const optimizer = new BayesianOptimizer({ ...state.settings, ...functions });
    optimizer.data = structuredClone(state);
    return optimizer;
  }

  /** The whole state as a value for JSON. */
  state(): OptimizerState {
    return structuredClone(this.data);
  }

  /** How the next suggestion is searched for. */
  get strategy(): Strategy {
    const { settings, observations } = this.data;
    if (settings.strategy !== 'auto') return settings.strategy;
    return settings.dimensions > 15 || observations.length > 200 ? 'trust-region' : 'global';
  }

  /** Evaluations told so far. */
  get count(): number {
    return this.data.observations.length;
  }

  /**
   * Puts `point` first in line; it is asked even where it was evaluated before, as an incumbent is in a new round.
   *
   * @throws UsageError unless it lies in [0, 1]^dimensions.
   */
  enqueue(point: readonly number[]): void {
    checkPoint(point, this.data.settings.dimensions, 'enqueue');
    this.data.queue.push([...point]);
  }

  /**
   * Moves on to `time` (a round): earlier observations are trusted less from now on, at the rate the data show.
   *
   * @param reevaluate whether the best point of before is asked first; default true.
   * @throws UsageError where `time` is not finite, or before the current one.
   */
  advance(time: number, reevaluate = true): void {
    if (!Number.isFinite(time) || time < this.data.time) {
      throw new UsageError(
        `advance: expected a finite time of at least ${this.data.time} but received ${describeValue(time)}`,
      );
    }
    if (time === this.data.time) return;
    const incumbent = reevaluate ? this.best() : null;
    this.moveTo(time);
    // How fast to forget can only be learned with two times there: the next suggestion fits anew.
    this.data.fitted = 0;
    if (incumbent && !this.data.queue.some((point) => same(point, incumbent.point))) {
      this.data.queue.unshift(incumbent.point);
    }
  }

  /**
   * The next `count` points to evaluate, in [0, 1]^dimensions: enqueued ones, the initial design, then the model's.
   *
   * @throws UsageError where `count` is no positive integer; NumericsError where a model's covariance cannot be factored.
   */
  ask(count = 1): number[][] {
    if (!Number.isInteger(count) || count < 1) {
      throw new UsageError(`ask: expected a positive integer for count but received ${describeValue(count)}`);
    }
    const points: number[][] = [];
    let suggest: (() => number[]) | null = null;
    while (points.length < count) {
      const point = this.queued() ?? (suggest ??= this.suggester(count))();
      this.data.pending.push(point);
      points.push([...point]);
    }
    return points;
  }

  /** Records the outcome of `point`, whether it was asked or not. @throws UsageError naming the field at fault. */
  tell(point: readonly number[], evaluation: Evaluation): void {
    const { data } = this;
    const observation = observationFrom(point, evaluation, data.settings, this.known.objective !== null, data.time);
    if (observation.time > data.time) this.moveTo(observation.time);
    const pending = data.pending.findIndex((other) => same(other, point));
    if (pending >= 0) {
      data.pending.splice(pending, 1);
      this.updateRegion(observation);
    }
    data.observations.push(observation);
  }

  /** The best point so far: feasible by all that is known of it now; null where none is. */
  best(): Incumbent | null {
    const { observations, hyperparameters } = this.data;
    if (!observations.some(({ failed }) => !failed)) return null;
    // No fit is stored here: asking for the best must not change what is suggested later.
    const model = this.model(hyperparameters, { fit: false, restarts: 1, maximumIterations: 50, seed: 1, room: 0 });
    const belief = bestBelief(model.beliefs().filter(({ feasible }) => feasible));
    if (!belief) return null;
    return { point: [...belief.observation.point], objective: belief.objective, constraints: belief.constraints };
  }

  /** The region speaks of one time: a later one begins with a whole region. */
  private moveTo(time: number): void {
    this.data.time = time;
    this.data.region = initialTrustRegion();
  }

  /** @param observation of a point that was asked: how others do says nothing of the steps that the region allows. */
  private updateRegion(observation: Observation): void {
    const { data } = this;
    if (this.strategy !== 'trust-region' || data.observations.length < data.settings.initial) return;
    const improved = !observation.failed && this.improves(observation);
    data.region = updateTrustRegion(data.region, improved, data.settings.dimensions);
  }

  private queued(): number[] | null {
    const { data } = this;
    const next = data.queue.shift();
    if (next) return next;
    if (data.observations.length + data.pending.length >= data.settings.initial) return null;
    while (data.design.length > 0) {
      const point = data.design.shift()!;
      if (!this.isDuplicate(point)) return point;
    }
    return null;
  }

  /** A function that gives up to `most` suggestions one after the other, each aware of those before. */
  private suggester(most: number): () => number[] {
    const { data } = this;
    const random = Random.restore(data.random);
    const remember = (point: number[]): number[] => {
      data.random = random.state();
      return point;
    };
    if (data.observations.filter(({ failed }) => !failed).length < 2) return () => remember(this.randomPoint(random));
    const count = data.observations.length;
    const interval = count < 100 ? 1 : count < 200 ? 3 : count < 400 ? 8 : 16;
    const fit = data.fits === 0 || count - data.fitted >= interval;
    const model = this.model(data.hyperparameters, {
      fit,
      restarts: data.fits === 0 ? 2 : data.fits % 8 === 0 && count < 150 ? 1 : 0,
      maximumIterations: data.fits === 0 ? 40 : count < 150 ? 15 : 6,
      seed: random.nextUint32(),
      room: data.pending.length + most,
    });
    if (fit) {
      data.hyperparameters = model.hyperparameters();
      data.fitted = count;
      data.fits++;
    }
    const beliefs = model.beliefs();
    for (const point of data.pending) model.imagine(point);
    return () => {
      const ranked = rankCandidates(
        {
          settings: data.settings,
          known: this.known,
          model,
          beliefs,
          observations: data.observations,
          strategy: this.strategy,
          region: data.region,
          remodel: (observations) => this.localModel(observations, random),
        },
        random,
      );
      const point = ranked.map(({ point }) => Array.from(point)).find((candidate) => !this.isDuplicate(candidate));
      const chosen = point ?? this.randomPoint(random);
      model.imagine(chosen);
      return remember(chosen);
    };
  }

  /** A model of a few observations with length scales of their own, aware of the points asked and not told. */
  private localModel(observations: readonly Observation[], random: Random): Model {
    const { settings, time, pending } = this.data;
    const nothing = { objective: null, constraints: new Array<null>(settings.constraints).fill(null) };
    const fitting = { fit: true, restarts: 0, maximumIterations: 25, seed: random.nextUint32(), room: pending.length };
    const model = new Model(settings, this.known, observations, time, nothing, fitting);
    for (const point of pending) model.imagine(point);
    return model;
  }

  private model(previous: ModelHyperparameters, fitting: ModelFitting): Model {
    const { settings, time } = this.data;
    const observations = this.strategy === 'trust-region' ? this.localObservations() : this.data.observations;
    return new Model(settings, this.known, observations, time, previous, fitting);
  }

  /** Whether an observation beats all before it of its time, by what was measured and clearly enough to be progress. */
  private improves(observation: Observation): boolean {
    const before = this.observedBest(observation.time);
    if (!before) return true;
    const old = this.score(before);
    const now = this.score(observation);
    if (now.violation > 0 || old.violation > 0) return now.violation < old.violation;
    return now.value < old.value - 1e-3 * Math.abs(old.value);
  }

  /** The observation that measured best: feasible before infeasible; of one time where given. */
  private observedBest(time?: number): Observation | null {
    let best: { observation: Observation; value: number; violation: number } | null = null;
    for (const observation of this.data.observations) {
      if (observation.failed || (time !== undefined && observation.time !== time)) continue;
      const { value, violation } = this.score(observation);
      const better =
        best === null || violation < best.violation || (violation === best.violation && value < best.value);
      if (better) best = { observation, value, violation };
    }
    return best?.observation ?? null;
  }

  private score({ point, objective, constraints }: Observation): { value: number; violation: number } {
    return {
      value: this.known.objective?.value(point) ?? (objective ?? 0) + (this.known.offset?.value(point) ?? 0),
      violation: [...constraints, ...this.known.constraints.map((constraint) => constraint.value(point))].reduce(
        (sum, value) => sum + Math.max(0, value),
        0,
      ),
    };
  }

  /** The observations nearest to the best one, as many as a local model can use. */
  private localObservations(): Observation[] {
    const { observations } = this.data;
    if (observations.length <= LOCAL_OBSERVATIONS) return observations;
    const centre = this.observedBest(this.data.time) ?? this.observedBest();
    if (!centre) return observations;
    const distances = observations.map(({ point }) =>
      point.reduce((sum, value, k) => sum + (value - centre.point[k]) ** 2, 0),
    );
    const cut = [...distances].sort((a, b) => a - b)[LOCAL_OBSERVATIONS - 1];
    return observations.filter((_, index) => distances[index] <= cut);
  }

  private isDuplicate(point: readonly number[]): boolean {
    const { observations, pending } = this.data;
    return observations.some((other) => same(other.point, point)) || pending.some((other) => same(other, point));
  }

  private randomPoint(random: Random): number[] {
    return Array.from({ length: this.data.settings.dimensions }, () => random.uniform());
  }
}

function knownFrom(functions: KnownFunctions, dimensions: number): Known {
  const { objective, objectiveGradient, offset, offsetGradient, knownConstraints = [] } = functions;
  return {
    objective: objective ? new KnownFunction(objective, objectiveGradient, dimensions) : null,
    offset: offset ? new KnownFunction(offset, offsetGradient, dimensions) : null,
    constraints: knownConstraints.map(({ value, gradient }) => new KnownFunction(value, gradient, dimensions)),
  };
}

/** The initial design: Sobol points, drawn towards the safe point in graded measure where there is one. */
function spaceFilling({ dimensions, initial, safe }: OptimizerSettings, random: Random): number[][] {
  const sequence = new SobolSequence(dimensions, random);
  const stretch = new SobolSequence(1, random);
  return Array.from({ length: initial }, () => {
    const point = Array.from(sequence.next());
    if (!safe) return point;
    const share = stretch.next()[0];
    return point.map((value, k) => safe[k] + share * (value - safe[k]));
  });
}

function same(a: readonly number[], b: readonly number[]): boolean {
  return a.every((value, k) => Math.abs(value - b[k]) <= DUPLICATE);
}
