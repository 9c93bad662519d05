import { describe, expect, it } from 'vitest';
import { Acquisition } from '../../../lib/bayes/acquisition.js';
import type { AcquisitionParts } from '../../../lib/bayes/acquisition.js';
import { KnownFunction } from '../../../lib/bayes/known-function.js';
import { Random } from '../../../lib/bayes/rng.js';
import { buildSurrogate, restoreValue } from '../../../lib/bayes/surrogate.js';
import type { Surrogate } from '../../../lib/bayes/surrogate.js';
import { finiteDifferences, relativeError } from './reference.js';

const dimensions = 3;

function surrogateOf(f: (point: number[]) => number, warped: boolean, trend: boolean, noise = NaN): Surrogate {
  const random = new Random(2);
  const points = Array.from({ length: 20 }, () => Array.from({ length: dimensions }, () => random.uniform()));
  return buildSurrogate(
    {
      dimensions,
      points: Float64Array.from(points.flat()),
      times: Float64Array.from(points, (_, i) => i % 2),
      values: Float64Array.from(points, f),
      noiseVariances: new Float64Array(20).fill(noise),
    },
    { previous: null, fit: true, warped, trend, restarts: 1, maximumIterations: 30, seed: 1, room: 5 },
  );
}

const objective = surrogateOf(([x, y, z]) => 10 * (x - 0.3) ** 2 + y * z, false, false);
const constraint = surrogateOf(([x, y]) => x + y - 0.8, true, true, 1e-4);
const known = new KnownFunction(([x, y, z]) => -x - 2 * y - z * z, undefined, dimensions);

const base: AcquisitionParts = {
  dimensions,
  time: 1,
  objective: null,
  known: null,
  incumbent: 0.1,
  smoothing: 1e-2,
  constraints: [],
  knownConstraints: [],
};

const kinds: Record<string, AcquisitionParts> = {
  'a modelled objective': { ...base, objective },
  'a modelled objective with a known offset': { ...base, objective, known },
  'a modelled objective far from any improvement': { ...base, objective, incumbent: -1e3 },
  'a known objective with a modelled constraint': { ...base, known, incumbent: -1.5, constraints: [constraint] },
  'feasibility alone': { ...base, objective, incumbent: null, constraints: [constraint] },
  'a known constraint': {
    ...base,
    objective,
    knownConstraints: [
      { constraint: new KnownFunction(([x, y]) => x * y - 0.2, undefined, dimensions), smoothing: 0.1 },
    ],
  },
};

describe('Acquisition', () => {
  it.each(Object.keys(kinds))('has the gradient of finite differences: %s', (kind) => {
    const acquisition = new Acquisition(kinds[kind]);
    const random = new Random(9);
    const gradient = new Float64Array(dimensions);
    for (let i = 0; i < 10; i++) {
      const point = Float64Array.from({ length: dimensions }, () => 0.05 + 0.9 * random.uniform());
      const value = acquisition.evaluate(point, gradient);
      expect(Number.isFinite(value)).toBe(true);
      expect(acquisition.evaluate(point, null)).toBe(value);
      const expected = finiteDifferences((at) => acquisition.evaluate(at, null), point, 1e-6);
      expect(relativeError(gradient, expected)).toBeLessThan(1e-4);
    }
  });

  it('prefers feasible improvement: a known gain where the constraint surely holds beats a larger one where it surely fails', () => {
    const acquisition = new Acquisition(kinds['a known objective with a modelled constraint']);
    expect(acquisition.evaluate(Float64Array.of(0.2, 0.3, 0.9), null)).toBeGreaterThan(
      acquisition.evaluate(Float64Array.of(0.9, 0.9, 0.9), null),
    );
  });
});

describe('the warp of constraints', () => {
  it('keeps the sign of what it models and restores its size', () => {
    for (const [point, value] of [
      [[0.2, 0.2, 0.5], -0.4],
      [[0.9, 0.8, 0.5], 0.9],
    ] as const) {
      const prediction = {
        mean: 0,
        variance: 0,
        meanGradient: new Float64Array(3),
        varianceGradient: new Float64Array(3),
      };
      constraint.process.predict(point, 1, prediction, false);
      expect(restoreValue(constraint.standardization, prediction.mean)).toBeCloseTo(value, 1);
    }
  });
});
