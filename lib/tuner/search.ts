/**
 * The search of one round (METHOD.md section 1, step a): Bayesian optimization over one density a layer.
 *
 * Budget mode: the smallest network whose error on tune stays under 1 - A0 + slack. Its size is a known function of the point;
 * only the error is modelled, with the binomial noise of the images it was read on. Candidates are raced (race.ts), and what is
 * committed to was read on all images.
 * Paper mode: the least error - lambda * sparsity, sparsity again known.
 */
import { RunError } from '../errors.js';
import type { SampleList } from '../native/addon.js';
import type { Session } from '../native/session.js';
import { Objective } from './objective.js';
import { ProgressMeter } from '../progress.js';
import { Proposals, type ScoredCandidate } from './proposals.js';
import { smallestConfirmed } from './race.js';
import type { RunContext } from './run-context.js';
import type { EvaluationEvent } from '../run/types.js';

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
  const scored: EvaluationEvent[] = [];
  const score = async (candidate: Candidate): Promise<EvaluationEvent> => {
    const event = await scoreOnce(context, objective, search.round, candidate, limit);
    context.record(event, { random: proposals.random });
    return event;
  };
  for (let index = 0; index < config.evaluations; index++) {
    const event = await score({ ...proposals.next(index), index });
    proposals.tell(remembered(event), event.feasible);
    scored.push(event);
    meter.report(index + 1);
  }
  let confirmations = 0;
  const confirm = async (candidate: EvaluationEvent): Promise<EvaluationEvent> => {
    const index = config.evaluations + confirmations++;
    const event = await score({ point: candidate.point, source: 'confirmation', index });
    scored[scored.indexOf(candidate)] = event;
    return event;
  };
  const best =
    limit === null
      ? bestTradeOff(scored, config.lambda ?? 0)
      : await smallestConfirmed(scored, objective.images, confirm);
  await objective.restore();
  standing.candidates.push(...scored.map(remembered));
  return best === undefined
    ? { densities: standing.incumbent, thresholds: standing.thresholds }
    : { densities: space.densities(best.point), thresholds: space.thresholds(best.point) };
}

type Candidate = Pick<EvaluationEvent, 'point' | 'source' | 'index'>;

/** Scores a candidate, or takes its score from the journal where it was scored before the run was cut off. */
async function scoreOnce(
  context: RunContext,
  objective: Objective,
  round: number,
  candidate: Candidate,
  limit: number | null,
): Promise<EvaluationEvent> {
  const { point, source, index } = candidate;
  const before = context.replay.shift();
  if (before !== undefined) {
    if (before.round !== round || before.index !== index || !samePoint(before.point, point)) {
      throw new RunError(
        `${context.paths.journal}: candidate ${before.index} of round ${before.round} is not the one this version would try; ` +
          'start the run again in another folder',
      );
    }
    return before;
  }
  const score = await objective.score(point, source === 'confirmation' ? null : limit, context.signal);
  return {
    event: 'evaluation',
    round,
    index,
    point,
    thresholds: score.thresholds,
    accuracy: 1 - score.error,
    images: score.images,
    compression: score.compression,
    feasible: limit === null || score.error <= limit,
    source,
  };
}

function samePoint(one: readonly number[], other: readonly number[]): boolean {
  return one.length === other.length && one.every((value, index) => Math.abs(value - other[index]) < 1e-9);
}

/** The candidate of least error - lambda * sparsity, sparsity = 1 - 1 / compression (Tung et al. 2017, the paper's objective). */
function bestTradeOff(scored: readonly EvaluationEvent[], lambda: number): EvaluationEvent | undefined {
  const value = (event: EvaluationEvent): number => 1 - event.accuracy - lambda * (1 - 1 / event.compression);
  let best = scored.at(0);
  for (const event of scored) {
    if (best !== undefined && value(event) < value(best)) best = event;
  }
  return best;
}

function remembered({ round, point, accuracy, images }: EvaluationEvent): ScoredCandidate {
  return { round, point, error: 1 - accuracy, images };
}
