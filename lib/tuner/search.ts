/**
 * The search of one round (METHOD.md section 1, step a): Bayesian optimization over one density a layer.
 *
 * Budget mode: the smallest network whose error on tune stays under 1 - A0 + slack. Its size is a known function of the point;
 * only the error is modelled, with the binomial noise of the images it was read on.
 * Paper mode: the least error - lambda * sparsity, sparsity again known.
 */
import { RunError } from '../errors.js';
import { BayesianOptimizer, type KnownFunctions } from '../bayes/index.js';
import type { SampleList } from '../native/addon.js';
import type { Session } from '../native/session.js';
import { DensityLadder } from './density-ladder.js';
import { Objective, errorVariance } from './objective.js';
import { ProgressMeter } from './progress.js';
import type { RunContext } from './run-context.js';
import type { SearchSpace } from './search-space.js';
import type { EvaluationEvent } from './types.js';

/** A scored candidate as later rounds remember it. Its point means the same densities in every round. */
export interface ScoredCandidate {
  round: number;
  point: number[];
  /** Share of the images seen. */
  error: number;
  images: number;
}

/** What a round's search works on. */
export interface RoundSearch {
  round: number;
  /** Tolerated loss of accuracy, share; null in paper mode. */
  slack: number | null;
  session: Session;
  fit: SampleList;
  tune: SampleList;
}

/** What the round commits to. */
export interface Commit {
  densities: number[] | null;
  thresholds: Record<string, number>;
}

type Source = EvaluationEvent['source'];

/** Share of a round's candidates that go along the ladder before the model proposes. */
const LADDER_SHARE = 0.3;

/** Errors further than this above the limit are told as this: how hopeless a candidate is says little about the good ones. */
const ERROR_CEILING = 0.3;

/**
 * Scores the round's candidates and returns what to commit; the session's weights are as before afterwards.
 * Where no candidate is feasible, the thresholds in force stay.
 */
export async function searchRound(context: RunContext, search: RoundSearch): Promise<Commit> {
  const { config, standing } = context;
  const objective = await Objective.of(search.session, search.fit, search.tune, config.batchSize);
  const { space } = objective;
  const limit = search.slack === null ? 1 : Math.min(1, 1 - standing.referenceAccuracy + search.slack);
  const optimizer = newOptimizer(context, space, search);
  for (const candidate of standing.candidates) tell(optimizer, candidate, limit, search.slack !== null);

  const proposals = new Proposals(context, space, optimizer);
  const meter = new ProgressMeter(
    `round ${search.round} of ${config.rounds}: search`,
    'candidates',
    config.evaluations,
    context.emit,
  );
  const scored: EvaluationEvent[] = [];
  for (let index = 0; index < config.evaluations; index++) {
    const { point, source } = proposals.next(index);
    const event = await scoreOnce(context, objective, search, { point, source, index, limit });
    tell(optimizer, remembered(event), limit, search.slack !== null);
    proposals.tell(event.feasible);
    scored.push(event);
    context.record(event, { rng: optimizer.state().random });
    meter.report(index + 1);
  }
  await objective.restore();
  standing.candidates.push(...scored.map(remembered));
  const best = config.maxDrop === null ? optimizer.best()?.point : smallestFeasible(scored);
  return best === undefined
    ? { densities: standing.incumbent, thresholds: standing.thresholds }
    : { densities: space.densities(best), thresholds: space.thresholds(best) };
}

function newOptimizer(context: RunContext, space: SearchSpace, search: RoundSearch): BayesianOptimizer {
  const { config } = context;
  const total = space.totalParameters;
  const known: KnownFunctions =
    search.slack === null
      ? { offset: (point) => -(config.lambda ?? 0) * (1 - space.keptParameters(point) / total) }
      : { objective: (point) => Math.log(space.keptParameters(point) / total) };
  return new BayesianOptimizer({
    dimensions: space.dimensions,
    // Another stream in every round; a round's sequence does not depend on how the ones before went.
    seed: config.seed * 10_007 + search.round,
    initial: 1,
    constraints: search.slack === null ? 0 : 1,
    ...known,
  });
}

function tell(optimizer: BayesianOptimizer, candidate: ScoredCandidate, limit: number, constrained: boolean): void {
  const noise = errorVariance(candidate.error, candidate.images);
  optimizer.tell(
    candidate.point,
    constrained
      ? {
          constraints: [Math.min(candidate.error - limit, ERROR_CEILING)],
          constraintNoiseVariance: [noise],
          time: candidate.round,
        }
      : { objective: candidate.error, noiseVariance: noise, time: candidate.round },
  );
}

/** The order of a round's candidates: the incumbent, a ladder of densities from it, then what the model proposes. */
class Proposals {
  readonly #optimizer: BayesianOptimizer;
  readonly #space: SearchSpace;
  readonly #incumbent: number[] | null;
  #ladder = new DensityLadder(true);
  readonly #ladderEnd: number;
  #last: Source = 'incumbent';

  constructor(context: RunContext, space: SearchSpace, optimizer: BayesianOptimizer) {
    const { standing, config } = context;
    this.#optimizer = optimizer;
    this.#space = space;
    this.#incumbent = standing.incumbent === null ? null : space.pointFor(standing.incumbent);
    this.#ladderEnd = (this.#incumbent === null ? 0 : 1) + Math.max(1, Math.round(config.evaluations * LADDER_SHARE));
  }

  next(index: number): { point: number[]; source: Source } {
    this.#last =
      index === 0 && this.#incumbent !== null ? 'incumbent' : index < this.#ladderEnd ? 'initial' : 'acquisition';
    if (this.#last === 'incumbent') return { point: this.#incumbent ?? [], source: this.#last };
    if (this.#last === 'initial') return { point: this.#ladderPoint(), source: this.#last };
    return { point: this.#optimizer.ask(1)[0], source: this.#last };
  }

  /** Tells whether the candidate given last was feasible. */
  tell(feasible: boolean): void {
    if (this.#last === 'incumbent') this.#ladder = new DensityLadder(feasible);
    if (this.#last === 'initial') this.#ladder.tell(feasible);
  }

  #ladderPoint(): number[] {
    const start = this.#incumbent ?? this.#space.layers.map(() => 0);
    return this.#space.pruneFurther(start, this.#ladder.depth);
  }
}

interface Candidate {
  point: number[];
  source: Source;
  index: number;
  limit: number;
}

/** Scores a candidate, or takes its score from the journal where it was scored before the run was cut off. */
async function scoreOnce(
  context: RunContext,
  objective: Objective,
  search: RoundSearch,
  candidate: Candidate,
): Promise<EvaluationEvent> {
  const before = context.replay.shift();
  if (before !== undefined) {
    if (
      before.round !== search.round ||
      before.index !== candidate.index ||
      !samePoint(before.point, candidate.point)
    ) {
      throw new RunError(
        `${context.paths.journal}: candidate ${before.index} of round ${before.round} is not the one this version would try; ` +
          'start the run again in another folder',
      );
    }
    return before;
  }
  const { point, source, index, limit } = candidate;
  const score = await objective.score(point, limit, context.signal);
  return {
    event: 'evaluation',
    round: search.round,
    index,
    point,
    thresholds: score.thresholds,
    accuracy: 1 - score.error,
    images: score.images,
    compression: score.compression,
    feasible: score.error <= limit,
    source,
  };
}

function samePoint(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, index) => Math.abs(value - other[index]) < 1e-9);
}

/** The point of the smallest network among the round's feasible candidates; undefined where there is none. */
function smallestFeasible(scored: readonly EvaluationEvent[]): number[] | undefined {
  let best: EvaluationEvent | undefined;
  for (const event of scored) {
    if (event.feasible && event.compression > (best?.compression ?? 0)) best = event;
  }
  return best?.point;
}

function remembered({ round, point, accuracy, images }: EvaluationEvent): ScoredCandidate {
  return { round, point, error: 1 - accuracy, images };
}
