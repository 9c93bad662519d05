/**
 * From a model to ranked candidates: what has to be improved on, where to look, and how hard.
 */
import { Acquisition } from './acquisition.js';
import { isBetter } from './model.js';
import type { Belief, Known, Model } from './model.js';
import { maximizeAcquisition } from './optimize-acquisition.js';
import type { RatedPoint } from './optimize-acquisition.js';
import type { OptimizerSettings, Strategy } from './options.js';
import type { Random } from './rng.js';
import { trustRegionBox } from './trust-region.js';
import type { TrustRegionState } from './trust-region.js';

/** What is known when a candidate is looked for. */
export interface SearchSituation {
  settings: OptimizerSettings;
  known: Known;
  model: Model;
  /** Of the observed points; at least one. */
  beliefs: readonly Belief[];
  strategy: Strategy;
  region: TrustRegionState;
}

/** Beyond this many observations a prediction costs enough to look at fewer points. */
const MANY = 150;
/** Best points whose surroundings are searched. */
const ANCHORS = 4;

/** Evaluations in which a search that is getting somewhere gains more than `STALL_GAIN` of best to median. */
const STALL = 5;
const STALL_GAIN = 1e-4;
/** What a leap has to gain, in the same unit. */
const LEAP = 0.03;

/** Candidates with their acquisition values, best first. */
export function rankCandidates(situation: SearchSituation, random: Random): RatedPoint[] {
  const { settings, known, model, beliefs } = situation;
  const ordered = [...beliefs].sort((a, b) => (isBetter(a, b) ? -1 : 1));
  const best = ordered[0];
  const objectives = beliefs.map(({ objective }) => objective);
  const spread = Math.max(...objectives) - Math.min(...objectives) || 1;
  // A known objective tells points apart even before anything feasible is found.
  const unmet = known.objective ? Math.max(...objectives) : null;
  const acquisition = new Acquisition({
    dimensions: settings.dimensions,
    time: model.time,
    objective: model.objective,
    known: known.objective ?? known.offset,
    incumbent: best.feasible ? best.objective - leap(situation) : unmet,
    smoothing: 1e-3 * spread,
    constraints: model.constraints,
    knownConstraints: known.constraints.map((constraint) => ({ constraint, smoothing: 1e-3 })),
  });
  const box = searchBox(situation, best);
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

/**
 * How much better than the incumbent a candidate has to be to count. Usually 0. Once the last evaluations gained next to
 * nothing, every other suggestion asks for a leap: the expected improvement of polishing a found minimum for ever can
 * exceed that of looking elsewhere, and a search would end in the first valley it finds.
 */
function leap({ known, beliefs, strategy }: SearchSituation): number {
  if (known.objective || strategy === 'trust-region' || beliefs.length % 2 === 1) return 0;
  const feasible = beliefs.filter((belief) => belief.feasible).map(({ objective }) => objective);
  if (feasible.length <= 2 * STALL) return 0;
  const typical = [...feasible].sort((a, b) => a - b)[feasible.length >> 1];
  const now = Math.min(...feasible);
  const before = Math.min(...feasible.slice(0, -STALL));
  return before - now < STALL_GAIN * (typical - now) ? LEAP * (typical - now) : 0;
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

function within(point: readonly number[], { lower, upper }: Box): Float64Array {
  return Float64Array.from(point, (value, k) => Math.min(Math.max(value, lower[k]), upper[k]));
}
