import { afterEach, describe, expect, it, vi } from 'vitest';
import { BayesianOptimizer, type OptimizerState } from '../../../lib/bayes/index.js';
import { Random } from '../../../lib/bayes/rng.js';
import { initialTrustRegion } from '../../../lib/bayes/trust-region.js';
import { MagnitudeDistribution } from '../../../lib/tuner/magnitudes.js';
import { type ProposalContext, Proposals, type ScoredCandidate, seedOfRound } from '../../../lib/tuner/proposals.js';
import { SearchSpace } from '../../../lib/tuner/search-space.js';

const IMAGES = 400;

function spaceOf(counts: readonly number[]): SearchSpace {
  const layers = counts.map((count, index) => ({ name: `layer${index}`, count, outputs: 8 }));
  const distributions = counts.map((count) => {
    const kept = new Uint32Array(32768);
    kept.fill(Math.round(count / 500), 0x3c00, 0x3c00 + 500);
    return new MagnitudeDistribution({ kept, pruned: new Uint32Array(32768) });
  });
  return new SearchSpace(layers, distributions, 100);
}

/** Error that rises with the square of every layer's log density times its sensitivity, up to 0.9; measured on IMAGES images. */
function measure(
  space: SearchSpace,
  sensitivities: readonly number[],
  point: readonly number[],
  random: Random,
): number {
  const harm = space
    .densities(point)
    .reduce((sum, density, index) => sum + sensitivities[index] * Math.log(density) ** 2, 0.1);
  const rate = Math.min(0.9, harm);
  let errors = 0;
  for (let image = 0; image < IMAGES; image++) errors += random.uniform() < rate ? 1 : 0;
  return errors / IMAGES;
}

const CONTEXT: Omit<ProposalContext, 'space'> = {
  round: 1,
  rounds: 6,
  evaluations: 24,
  seed: 1,
  limit: 0.2,
  lambda: 0,
  incumbent: null,
  earlier: [],
};

/** Runs one round; returns the compression of the smallest feasible candidate, and the candidates' sources. */
function runRound(
  space: SearchSpace,
  sensitivities: readonly number[],
  changes: Partial<ProposalContext>,
  propose?: (random: Random) => number[],
): { compression: number; sources: string[]; points: number[][] } {
  const context: ProposalContext = { ...CONTEXT, space, ...changes };
  const random = new Random(17);
  const proposals = new Proposals(context);
  let compression = 0;
  const sources: string[] = [];
  const points: number[][] = [];
  for (let index = 0; index < context.evaluations; index++) {
    const proposal = propose === undefined ? proposals.next(index) : { point: propose(random), source: 'random' };
    const error = measure(space, sensitivities, proposal.point, random);
    const feasible = error <= (context.limit ?? 1);
    const deviation = Math.sqrt((error * (1 - error)) / IMAGES + 1e-5);
    const candidate: ScoredCandidate = { round: 1, point: proposal.point, error, deviation };
    if (propose === undefined) proposals.tell(candidate, feasible);
    if (feasible) compression = Math.max(compression, space.totalParameters / space.keptParameters(proposal.point));
    sources.push(proposal.source);
    points.push(proposal.point);
  }
  return { compression, sources, points };
}

afterEach(() => {
  vi.restoreAllMocks();
});

describe('Proposals', () => {
  const space = spaceOf([4_000, 40_000, 400_000, 40_000, 4_000]);
  const sensitivities = [0.05, 0.02, 0.004, 0.01, 0.03];

  it('begins with the incumbent, then climbs the ladder, then asks the model', () => {
    const { sources } = runRound(space, sensitivities, { evaluations: 10, incumbent: [1, 0.8, 0.5, 0.8, 1] });
    expect(sources).toEqual([
      'incumbent',
      ...Array<string>(4).fill('initial'),
      ...Array<string>(5).fill('acquisition'),
    ]);
  });

  it('has no incumbent before the first commit', () => {
    expect(runRound(space, sensitivities, { evaluations: 4 }).sources[0]).toBe('initial');
  });

  it('finds a much smaller feasible network than as many random points', () => {
    const ours = runRound(space, sensitivities, {}).compression;
    const random = runRound(space, sensitivities, {}, (draw) => space.layers.map(() => draw.uniform())).compression;
    expect(ours).toBeGreaterThan(2);
    expect(ours).toBeGreaterThan(1.3 * random);
  });

  it('gives the same candidates for the same seed', () => {
    expect(runRound(space, sensitivities, {})).toEqual(runRound(space, sensitivities, {}));
  });

  it('works in 26 dimensions', () => {
    const wide = spaceOf(Array.from({ length: 26 }, (_, index) => 1000 * (1 + (index % 7) ** 3)));
    const { compression } = runRound(wide, Array<number>(26).fill(0.004), { evaluations: 16 });
    expect(compression).toBeGreaterThan(1.5);
  });

  it('tells the model every point that it asked, also where groups of layers are cut off at faces of the cube', () => {
    const ask = vi.spyOn(BayesianOptimizer.prototype, 'ask');
    const tell = vi.spyOn(BayesianOptimizer.prototype, 'tell');
    const counts = Array.from({ length: 26 }, (_, index) => 1000 * (1 + (index % 7) ** 3));
    const incumbent = counts.map((_, index) => (index % 3 === 0 ? 1 : 0.02));
    runRound(spaceOf(counts), Array<number>(26).fill(0.0004), { evaluations: 20, incumbent });
    const asked = ask.mock.results.flatMap(({ value }) => value as number[][]);
    expect(asked.length).toBeGreaterThan(5);
    const told = tell.mock.calls.map(([point]) => [...point]);
    for (const point of asked) expect(told).toContainEqual(point);
  });

  it('begins a round with the whole trust region, whatever was scored in earlier rounds and on the ladder', () => {
    const wide = spaceOf(Array<number>(18).fill(40_000));
    const incumbent = Array<number>(18).fill(0.3);
    const random = new Random(17);
    const earlier = Array.from({ length: 60 }, () => {
      const point = wide.pointFor(incumbent).map((x) => x + 0.2 * (random.uniform() - 0.5));
      return { round: 1, point, error: 0.15, deviation: 0.02 };
    });
    const state = vi.spyOn(BayesianOptimizer.prototype, 'state');
    const proposals = new Proposals({ ...CONTEXT, space: wide, round: 2, incumbent, earlier });
    for (let index = 0; ; index++) {
      const { point } = proposals.next(index);
      if (proposals.random !== null) break;
      proposals.tell({ round: 2, point, error: 0.3, deviation: 0.02 }, false);
    }
    const { time, observations, region } = state.mock.results[0].value as OptimizerState;
    expect(time).toBe(2);
    expect(observations.length).toBeGreaterThan(50);
    expect(region).toEqual(initialTrustRegion());
  });

  it.each([
    ['nothing is feasible, not even the dense network', 0.01],
    ['everything is', 1],
  ])('scores no network twice where %s', (_, limit) => {
    const { points } = runRound(space, sensitivities, { limit, evaluations: 16 });
    for (let i = 0; i < points.length; i++) {
      for (let j = 0; j < i; j++) {
        expect(Math.max(...points[i].map((x, k) => Math.abs(x - points[j][k])))).toBeGreaterThan(1e-6);
      }
    }
  });

  it('trades error against sparsity in paper mode', () => {
    const { sources } = runRound(space, sensitivities, { limit: null, lambda: 0.3 });
    expect(sources.filter((source) => source === 'acquisition').length).toBeGreaterThan(10);
  });
});

describe('seedOfRound', () => {
  it('is another in every round, also of the largest seed there is', () => {
    for (const seed of [0, 1, 2 ** 40, Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]) {
      const seeds = Array.from({ length: 1000 }, (_, index) => seedOfRound(seed, index + 1));
      expect(new Set(seeds).size, String(seed)).toBe(1000);
      expect(seeds.every(Number.isSafeInteger)).toBe(true);
    }
  });

  it('is what published results were searched with', () => {
    expect(seedOfRound(1, 1)).toBe(10_008);
    expect(seedOfRound(5, 6)).toBe(50_041);
    expect(seedOfRound(9e11, 3)).toBe(9e11 * 10_007 + 3);
  });
});
