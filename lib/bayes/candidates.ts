/**
 * From a model to ranked candidates: what has to be improved on, where to look, and how hard.
 */
import { Acquisition } from './acquisition.js';
import { isBetter } from './model.js';
import type { Belief, Known, Model } from './model.js';
import { maximizeAcquisition } from './optimize-acquisition.js';
import type { RatedPoint } from './optimize-acquisition.js';
import type { Observation, OptimizerSettings, Strategy } from './options.js';
import type { Random } from './rng.js';
import { trustRegionBox } from './trust-region.js';
import type { TrustRegionState } from './trust-region.js';
import { Valleys } from './valleys.js';

/** What is known when a candidate is looked for. */
export interface SearchSituation {
  settings: OptimizerSettings;
  known: Known;
  model: Model;
  /** Of the observed points that did not fail; at least one. */
  beliefs: readonly Belief[];
  /** All observations, failed ones too. */
  observations: readonly Observation[];
  strategy: Strategy;
  region: TrustRegionState;
  /** A model of some of the observations alone, fitted to them. */
  remodel: (observations: readonly Observation[]) => Model;
}

/** Beyond this many observations a prediction costs enough to look at fewer points. */
const MANY = 150;
/** Best points whose surroundings are searched. */
const ANCHORS = 4;
/** Evaluations without gain that close a valley: as many as there are coordinates, at least this many. */
const LEAST_PATIENCE = 5;
/** Half a side of the box in which another valley is looked into, so that the slopes of a closed one do not outbid it. */
const VALLEY_REACH = 0.4;
/** Observations that make a model of a valley's own. */
const LOCAL_POINTS = 4;

/**
 * Candidates with their acquisition values, best first.
 *
 * @param random draws the starts of the climbs; the same state gives the same candidates.
 * @throws NumericsError where a model cannot be factored.
 */
export function rankCandidates(situation: SearchSituation, random: Random): RatedPoint[] {
  const { beliefs, model, observations } = situation;
  const ordered = [...beliefs].sort((a, b) => (isBetter(a, b) ? -1 : 1));
  const valleys = valleysFor(situation);
  if (!valleys) {
    return search(situation, { model, ordered, box: searchBox(situation, ordered[0]), valleys }, random);
  }
  const open = [...valleys.open].sort((a, b) => a.objective - b.objective);
  const box = boxAround(open[0].observation.point, VALLEY_REACH);
  const wide = boxAround(open[0].observation.point, 2 * VALLEY_REACH);
  const nearby = valleys.open.filter(({ observation }) => contains(wide, observation.point));
  // Length scales learned in the closed valley mislead in another: with enough points there, it gets a model of its own. What is
  // infeasible or failed there belongs to it: without it, all of the valley would look feasible.
  const local =
    nearby.length >= LOCAL_POINTS
      ? situation.remodel(observations.filter(({ point }) => contains(wide, point) && !valleys.excludes(point)))
      : model;
  return search(situation, { model: local, ordered: open, box, valleys }, random);
}

/** Where a search looks and what it goes by. */
interface SearchPlan {
  model: Model;
  /** Observed points, best first; the first has to be improved on. */
  ordered: readonly Belief[];
  box: Box;
  valleys: Valleys | null;
}

function search({ settings, known, beliefs }: SearchSituation, plan: SearchPlan, random: Random): RatedPoint[] {
  const { model, ordered, box, valleys } = plan;
  // A known objective may be undefined, that is infinite, at some points.
  const objectives = beliefs.map(({ objective }) => objective).filter(Number.isFinite);
  const spread = objectives.length > 0 ? Math.max(...objectives) - Math.min(...objectives) || 1 : 1;
  // A known objective tells points apart even before anything feasible is found.
  const unmet = known.objective && objectives.length > 0 ? Math.max(...objectives) : null;
  // Points asked and not told count with what is expected of them: a batch would otherwise crowd around one (kriging believer).
  const imagined = model.imagined.filter(({ point }) => !valleys?.excludes(point)).map(({ objective }) => objective);
  const least = Math.min(ordered[0].feasible ? ordered[0].objective : Infinity, ...imagined);
  const acquisition = new Acquisition({
    dimensions: settings.dimensions,
    time: model.time,
    objective: model.objective,
    known: known.objective ?? known.offset,
    incumbent: Number.isFinite(least) ? least : unmet,
    smoothing: 1e-3 * spread,
    constraints: model.constraints,
    knownConstraints: known.constraints.map((constraint) => ({ constraint, smoothing: 1e-3 })),
    valleys,
  });
  const large = beliefs.length > MANY;
  return maximizeAcquisition(
    acquisition,
    {
      ...box,
      anchors: ordered.slice(0, ANCHORS).map(({ observation }) => within(observation.point, box)),
      samples: large ? 128 : 256,
      perturbations: large ? 64 : 128,
      climbs: large ? 3 : 4,
      maximumIterations: large ? 25 : 40,
    },
    random,
  );
}

/** Closed valleys to keep out of this time: none on every fourth suggestion, so that the best one is polished further. */
function valleysFor({ settings, known, model, beliefs, strategy }: SearchSituation): Valleys | null {
  if (known.objective || !model.objective || strategy === 'trust-region' || beliefs.length % 4 === 0) return null;
  const { lengthScales } = model.objective.process.hyperparameters;
  return Valleys.find(beliefs, lengthScales, Math.max(LEAST_PATIENCE, settings.dimensions));
}

interface Box {
  lower: Float64Array;
  upper: Float64Array;
}

function searchBox({ settings, model, strategy, region }: SearchSituation, best: Belief): Box {
  const modelled = model.objective ?? (model.constraints.length > 0 ? model.constraints[0] : null);
  if (strategy === 'trust-region' && modelled) {
    return trustRegionBox(region, best.observation.point, modelled.process.hyperparameters.lengthScales);
  }
  return { lower: new Float64Array(settings.dimensions), upper: new Float64Array(settings.dimensions).fill(1) };
}

function boxAround(point: readonly number[], reach: number): Box {
  return {
    lower: Float64Array.from(point, (value) => Math.max(0, value - reach)),
    upper: Float64Array.from(point, (value) => Math.min(1, value + reach)),
  };
}

function contains({ lower, upper }: Box, point: readonly number[]): boolean {
  return point.every((value, k) => value >= lower[k] && value <= upper[k]);
}

function within(point: readonly number[], { lower, upper }: Box): Float64Array {
  return Float64Array.from(point, (value, k) => Math.min(Math.max(value, lower[k]), upper[k]));
}
