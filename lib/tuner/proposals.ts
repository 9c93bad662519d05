/** The order of a round's candidates: the incumbent, a ladder of densities from it, then what the model proposes around it. */
import { BayesianOptimizer, type KnownFunctions, type Strategy } from '../bayes/index.js';
import { DensityLadder } from './density-ladder.js';
import { groupLayers, groupsInRound } from './layer-groups.js';
import { PruningLines } from './pruning-lines.js';
import { type MovingGroup, SearchBox } from './search-box.js';
import { isSamePoint, type SearchSpace } from './search-space.js';
import type { EvaluationEvent } from '../run/types.js';

/** A scored candidate as later rounds remember it. Its point means the same densities in every round. */
export interface ScoredCandidate {
  round: number;
  point: number[];
  /** Share of all images, estimated from those read. */
  error: number;
  /** Its standard error, share. */
  deviation: number;
}

/** What the proposals of a round depend on. */
export interface ProposalContext {
  space: SearchSpace;
  round: number;
  /** Rounds of the whole run. */
  rounds: number;
  evaluations: number;
  seed: number;
  /** Error a candidate may have; null in paper mode. */
  limit: number | null;
  /** Weight of sparsity in paper mode. */
  lambda: number;
  /** Densities in force, one a layer; null before the first commit. */
  incumbent: readonly number[] | null;
  /** Candidates of earlier rounds. */
  earlier: readonly ScoredCandidate[];
}

export interface Proposal {
  point: number[];
  source: EvaluationEvent['source'];
  /** How the model's candidate was searched for; null where none was asked. */
  strategy: Strategy | null;
}

/** Share of a round's candidates that go along the ladder before the model proposes. */
const LADDER_SHARE = 0.4;

/** Networks scored before that are passed over in a row, at most; a ladder then ends. */
const MOST_PASSED = 16;
/** Points nearer than this in every coordinate are one network. */
const SAME_NETWORK = 1e-6;

/** Errors further than this above the limit are told as this: how hopeless a candidate is says little about the good ones. */
const ERROR_CEILING = 0.3;

/** The model of a round and the box it looks at. */
interface BoxedModel {
  optimizer: BayesianOptimizer;
  box: SearchBox;
}

/** Proposes a round's candidates one by one; each must be told before the next. */
export class Proposals {
  readonly #context: ProposalContext;
  readonly #start: number[];
  #ladderEnd: number;
  #ladder = new DensityLadder(true);
  readonly #lines: PruningLines;
  /** The line tried next, and how many have failed at the ladder's depth. */
  #line = 0;
  #failures = 0;
  /** Where the model's box is put: the best candidate so far. */
  #centre: number[];
  #centreValue = Infinity;
  #model: BoxedModel | null = null;
  /** The model's own point for the candidate given last. */
  #asked: number[] = [];
  readonly #told: ScoredCandidate[];
  /** This round's candidates, and whether each was feasible. */
  readonly #scored: { candidate: ScoredCandidate; feasible: boolean }[] = [];
  #last: Proposal['source'] = 'incumbent';

  constructor(context: ProposalContext) {
    const { space, incumbent, evaluations, earlier } = context;
    this.#context = context;
    this.#start = incumbent === null ? space.layers.map(() => 0) : space.pointFor(incumbent);
    this.#centre = this.#start;
    this.#ladderEnd = (incumbent === null ? 0 : 1) + Math.max(1, Math.round(evaluations * LADDER_SHARE));
    this.#lines = new PruningLines(space, this.#start);
    this.#told = [...earlier];
  }

  /** The candidate number `index` of the round. */
  next(index: number): Proposal {
    if (index === 0 && this.#context.incumbent !== null) {
      this.#last = 'incumbent';
      return { point: this.#start, source: this.#last, strategy: null };
    }
    const rung = this.#nextRung(index);
    if (rung !== null) {
      this.#last = 'initial';
      return { point: rung, source: this.#last, strategy: null };
    }
    this.#last = 'acquisition';
    this.#model ??= this.#buildModel();
    const { strategy } = this.#model.optimizer;
    return { point: this.#askModel(this.#model), source: this.#last, strategy };
  }

  /** The model's next point. Several of its own may be one network at a face of the cube: a second time it is told the first's. */
  #askModel({ optimizer, box }: BoxedModel): number[] {
    for (let passed = 0; ; passed++) {
      [this.#asked] = optimizer.ask(1);
      const point = box.outer(this.#asked);
      const before = this.#scored.find(({ candidate }) => isSamePoint(candidate.point, point, SAME_NETWORK));
      if (before === undefined || passed === MOST_PASSED) return point;
      tellModel(optimizer, this.#asked, before.candidate, this.#context.limit);
    }
  }

  /**
   * The ladder's next point that was not scored in this round; null where the ladder has ended. At the ends of a line, and where
   * two lines meet, rungs have the same network: what is known of it is taken for the answer.
   */
  #nextRung(index: number): number[] | null {
    for (let passed = 0; passed < MOST_PASSED && index < this.#ladderEnd && !this.#ladder.isDone; passed++) {
      const point = this.#lines.point(this.#line, this.#ladder.depth);
      const before = this.#scored.find(({ candidate }) => isSamePoint(candidate.point, point, SAME_NETWORK));
      if (before === undefined) return point;
      // In paper mode a rung leads on by being better than all before, which a second look is not.
      this.#climb(this.#context.limit !== null && before.feasible);
    }
    this.#ladderEnd = index;
    return null;
  }

  /** Tells the outcome of the candidate given last. */
  tell(candidate: ScoredCandidate, feasible: boolean): void {
    const { limit, lambda, space } = this.#context;
    const size = space.keptParameters(candidate.point) / space.totalParameters;
    const value = limit === null ? candidate.error - lambda * (1 - size) : feasible ? size : Infinity;
    if (this.#last === 'incumbent') this.#ladder = new DensityLadder(feasible);
    if (this.#last === 'initial') this.#climb(limit === null ? value < this.#centreValue : feasible);
    if (value < this.#centreValue) {
      this.#centre = candidate.point;
      this.#centreValue = value;
    }
    this.#told.push(candidate);
    this.#scored.push({ candidate, feasible });
    if (this.#model === null) return;
    // What the model asked is told under its own point: cut off at a face of the cube, the candidate could mean another.
    const inner = this.#last === 'acquisition' ? this.#asked : this.#model.box.inner(candidate.point);
    if (inner !== null) tellModel(this.#model.optimizer, inner, candidate, limit);
  }

  /** The next rung: a depth is given up only where no line is feasible there; the line that was is tried first. */
  #climb(feasible: boolean): void {
    const lines = this.#ladder.depth > 0 ? this.#lines.count : 1;
    if (!feasible) this.#line = (this.#line + 1) % lines;
    this.#failures = feasible ? 0 : this.#failures + 1;
    if (feasible || this.#failures === lines) {
      this.#ladder.tell(feasible);
      this.#failures = 0;
    }
    if (this.#ladder.depth < 0) this.#line = 0;
  }

  /** State of the model's random numbers; null before it was needed. */
  get random(): unknown {
    return this.#model?.optimizer.state().random ?? null;
  }

  #buildModel(): BoxedModel {
    const { space, seed, round, rounds, limit, lambda } = this.#context;
    const box = new SearchBox(this.#centre, movingGroups(space, groupsInRound(space.dimensions, round, rounds)));
    const size = (inner: readonly number[]): number => space.keptParameters(box.outer(inner)) / space.totalParameters;
    const known: KnownFunctions =
      limit === null
        ? { offset: (inner) => -lambda * (1 - size(inner)) }
        : { objective: (inner) => Math.log(size(inner)) };
    const optimizer = new BayesianOptimizer({
      dimensions: box.dimensions,
      seed: seedOfRound(seed, round),
      // The ladder was the initial design.
      initial: 1,
      constraints: limit === null ? 0 : 1,
      ...known,
    });
    // Also where none of the candidates told is of this round.
    optimizer.advance(round, false);
    for (const candidate of this.#told) {
      const inner = box.inner(candidate.point);
      if (inner !== null) tellModel(optimizer, inner, candidate, limit);
    }
    return { optimizer, box };
  }
}

/**
 * Seed of the optimizer's random numbers in a round, 0 to 2^53 - 1: another stream in every round, which does not depend on how
 * many numbers the rounds before drew.
 *
 * @param seed of the run, 0 to 2^53 - 1.
 * @param round 1 or more.
 */
export function seedOfRound(seed: number, round: number): number {
  // Whole numbers wrapped around at 2^53: a double would round the product of a large seed, and lose the round in it.
  return Number(BigInt.asUintN(53, BigInt(seed) * 10_007n + BigInt(round)));
}

/** `count` groups; the layers of one move by the strides of the ladder's first line. */
function movingGroups({ layers, strides }: SearchSpace, count: number): MovingGroup[] {
  return groupLayers(layers, count).map((members) => {
    const largest = Math.max(...members.map((index) => strides[index]));
    return { members, strides: members.map((index) => strides[index] / largest) };
  });
}

/** Tells the model a candidate at its own point of the box; candidates outside are of no use to it. */
function tellModel(
  optimizer: BayesianOptimizer,
  inner: readonly number[],
  { error, deviation, round }: ScoredCandidate,
  limit: number | null,
): void {
  const noise = deviation ** 2;
  optimizer.tell(
    inner,
    limit === null
      ? { objective: error, noiseVariance: noise, time: round }
      : {
          constraints: [Math.min(error - limit, ERROR_CEILING)],
          constraintNoiseVariance: [noise],
          time: round,
        },
  );
}
