/**
 * The search of one round (METHOD.md section 1, step a): Bayesian optimization over one density a layer.
 *
 * Budget mode: the smallest network whose error on tune stays under 1 - A0 + slack. Its size is a known function of the point;
 * only the error is modelled, with the binomial noise of the images it was read on. Candidates are raced (race.ts).
 * Paper mode: the least error - lambda * sparsity, sparsity again known.
 */
import { RunError } from '../errors.js';
import type { SampleList } from '../native/addon.js';
import type { Session } from '../native/session.js';
import { Objective } from './objective.js';
import { ProgressMeter } from '../progress.js';
import { packMistakes, unpackMistakes } from './mistakes.js';
import { type Proposal, Proposals, type ScoredCandidate } from './proposals.js';
import type { Race } from './race.js';
import { isSamePoint } from './search-space.js';
import type { RunContext } from './run-context.js';
import type { EvaluationEvent } from '../run/types.js';

/** A journalled point is the one proposed again, but for rounding. */
const JOURNAL_TOLERANCE = 1e-9;

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

/**
 * Scores the round's candidates and returns what to commit; the session's weights are as before afterwards.
 * Where no candidate is feasible, the thresholds in force stay.
 */
export async function searchRound(context: RunContext, search: RoundSearch): Promise<Commit> {
  const { config, standing } = context;
  const objective = await Objective.of(search.session, search.fit, search.tune, config.batchSize);
  const { space } = objective;
  const limit = search.slack === null ? null : Math.min(1, 1 - standing.referenceAccuracy + search.slack);
  const proposals = new Proposals({
    space,
    round: search.round,
    rounds: config.rounds,
    evaluations: config.evaluations,
    seed: config.seed,
    limit,
    lambda: config.lambda ?? 0,
    incumbent: standing.incumbent,
    earlier: standing.candidates,
  });
  const meter = new ProgressMeter(
    `round ${search.round} of ${config.rounds}: search`,
    'candidates',
    config.evaluations,
    context.emit,
  );
  const race = limit === null ? null : await objective.startRace(limit, context.signal);
  const scored: EvaluationEvent[] = [];
  for (let index = 0; index < config.evaluations; index++) {
    const proposal = proposals.next(index);
    const event = await scoreOnce(context, { objective, race, round: search.round }, { ...proposal, index });
    proposals.tell(remembered(event), event.feasible);
    scored.push(event);
    context.record(event, { random: proposals.random });
    meter.report(index + 1);
  }
  await objective.restore();
  standing.candidates.push(...scored.map(remembered));
  const best = limit === null ? bestTradeOff(scored, config.lambda ?? 0) : smallestFeasible(scored);
  return best === undefined
    ? { densities: standing.incumbent, thresholds: standing.thresholds }
    : { densities: space.densities(best), thresholds: space.thresholds(best) };
}

interface Candidate extends Proposal {
  index: number;
}

/** What a round's candidates are scored by. */
interface Scoring {
  objective: Objective;
  /** Null in paper mode, where no limit could be clear early. */
  race: Race | null;
  round: number;
}

/** Scores a candidate, or takes its score from the journal where it was scored before the run was cut off. */
async function scoreOnce(context: RunContext, scoring: Scoring, candidate: Candidate): Promise<EvaluationEvent> {
  const { objective, race, round } = scoring;
  const { point, source, strategy, index } = candidate;
  const before = context.replay.shift();
  if (before !== undefined) {
    if (before.round !== round || before.index !== index || !isSamePoint(before.point, point, JOURNAL_TOLERANCE)) {
      throw new RunError(
        `${context.paths.journal}: candidate ${before.index} of round ${before.round} is not the one this version would try; ` +
          'start the run again in another folder',
      );
    }
    race?.settle(before.mistakes === null ? null : unpackMistakes(before.mistakes, race.images), before.compression);
    const { random: _, ...event } = before;
    return event;
  }
  const score = await objective.score(point, race, context.signal);
  return {
    event: 'evaluation',
    round,
    index,
    point,
    thresholds: score.thresholds,
    accuracy: 1 - score.error,
    deviation: score.deviation,
    images: score.images,
    mistakes: score.mistakes === null ? null : packMistakes(score.mistakes),
    compression: score.compression,
    feasible: race === null || score.error <= race.limit,
    source,
    strategy,
  };
}

/** The point of the smallest network that is feasible on all images; undefined where there is none. */
function smallestFeasible(scored: readonly EvaluationEvent[]): number[] | undefined {
  let best: EvaluationEvent | undefined;
  for (const event of scored) {
    if (event.feasible && event.mistakes !== null && event.compression > (best?.compression ?? 0)) best = event;
  }
  return best?.point;
}

/** The point of least error - lambda * sparsity, sparsity = 1 - 1 / compression (Tung et al. 2017, the paper's objective). */
function bestTradeOff(scored: readonly EvaluationEvent[], lambda: number): number[] | undefined {
  const value = (event: EvaluationEvent): number => 1 - event.accuracy - lambda * (1 - 1 / event.compression);
  let best = scored.at(0);
  for (const event of scored) {
    if (best !== undefined && value(event) < value(best)) best = event;
  }
  return best?.point;
}

function remembered({ round, point, accuracy, deviation }: EvaluationEvent): ScoredCandidate {
  return { round, point, error: 1 - accuracy, deviation };
}
