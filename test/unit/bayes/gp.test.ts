import { describe, expect, it } from 'vitest';
import { priorHyperparameters } from '../../../lib/bayes/fit.js';
import { createPrediction, GaussianProcess } from '../../../lib/bayes/gp.js';
import type { Observations } from '../../../lib/bayes/gp.js';
import { covariance } from '../../../lib/bayes/kernel.js';
import { buildSurrogate } from '../../../lib/bayes/surrogate.js';
import { Random } from '../../../lib/bayes/rng.js';
import { NumericsError } from '../../../lib/errors.js';
import { finiteDifferences, observationsOf, reference, relativeError } from './reference.js';

describe('GaussianProcess', { timeout: 60_000 }, () => {
  it.each(reference.cases.map((test, index) => ({ index, test })))(
    'gives the posterior of an independent float64 reference to 1e-8 (case $index)',
    ({ test }) => {
      const process = new GaussianProcess(observationsOf(test), test.hyperparameters);
      const prediction = createPrediction(test.points[0].length);
      test.queries.forEach((query, index) => {
        process.predict(query, test.queryTime, prediction, false);
        expect(Math.abs(prediction.mean - test.mean[index])).toBeLessThan(1e-8);
        expect(Math.abs(prediction.variance - test.variance[index])).toBeLessThan(1e-8);
      });
    },
  );

  it('has gradients of mean and variance that agree with finite differences, trend and time included', () => {
    const test = reference.cases[4];
    const process = new GaussianProcess(observationsOf(test), test.hyperparameters);
    const prediction = createPrediction(20);
    const other = createPrediction(20);
    for (const query of test.queries) {
      const point = Float64Array.from(query);
      process.predict(point, test.queryTime, prediction, true);
      for (const quantity of ['mean', 'variance'] as const) {
        const expected = finiteDifferences((at) => {
          process.predict(at, test.queryTime, other, false);
          return other[quantity];
        }, point);
        expect(relativeError(prediction[`${quantity}Gradient`], expected)).toBeLessThan(1e-7);
      }
    }
  });

  it('is the same, bit for bit, whether observations come at once or one by one', () => {
    const test = reference.cases[2];
    const observations = observationsOf(test);
    const whole = new GaussianProcess(observations, test.hyperparameters);
    const grown = new GaussianProcess({ ...observations, count: 20 }, test.hyperparameters, 100);
    for (let i = 20; i < observations.count; i++) {
      expect(grown.extend(test.points[i], 0, test.targets[i], observations.noiseVariances[i])).toBe(true);
    }
    const a = createPrediction(8);
    const b = createPrediction(8);
    for (const query of test.queries) {
      whole.predict(query, 0, a, true);
      grown.predict(query, 0, b, true);
      expect(b).toEqual(a);
    }
  });

  it('uses the covariance that kernel.ts states', () => {
    const hyperparameters = {
      lengthScales: [0.3, 0.7],
      signalVariance: 2,
      trendVariance: 0.5,
      noiseVariance: 1e-2,
      forgettingRate: 0.4,
    };
    const observations: Observations = {
      dimensions: 2,
      count: 1,
      points: Float64Array.of(0.2, 0.9),
      times: Float64Array.of(1),
      targets: Float64Array.of(0.5),
      noiseVariances: Float64Array.of(NaN),
    };
    const process = new GaussianProcess(observations, hyperparameters);
    const prediction = createPrediction(2);
    process.predict([0.6, 0.1], 3, prediction, false);
    const cross = covariance(hyperparameters, [0.6, 0.1], [0.2, 0.9], 2);
    const own = covariance(hyperparameters, [0.6, 0.1], [0.6, 0.1]);
    const data = covariance(hyperparameters, [0.2, 0.9], [0.2, 0.9]) + 1e-2;
    expect(prediction.variance).toBeCloseTo(own - (cross * cross) / data, 12);
  });

  it('fits 1,000 random data sets full of near-duplicates without a failure', () => {
    const random = new Random(3);
    for (let repetition = 0; repetition < 1000; repetition++) {
      const dimensions = 1 + random.integer(4);
      const count = 4 + random.integer(12);
      const base = Array.from({ length: 3 }, () => Array.from({ length: dimensions }, () => random.uniform()));
      const points = Array.from({ length: count }, () => {
        const centre = base[random.integer(3)];
        const spread = 10 ** (-16 * random.uniform());
        return centre.map((value) => Math.min(1, Math.max(0, value + spread * (random.uniform() - 0.5))));
      });
      const scale = 10 ** (12 * random.uniform() - 6);
      const rounds = random.uniform() < 0.3;
      const { process } = buildSurrogate(
        {
          dimensions,
          points: Float64Array.from(points.flat()),
          times: Float64Array.from({ length: count }, () => (rounds ? Math.floor(3 * random.uniform()) : 0)),
          values: Float64Array.from(points, (point) => scale * (point[0] + 1e-3 * random.normal())),
          noiseVariances: new Float64Array(count).fill(random.uniform() < 0.5 ? NaN : 0),
        },
        {
          previous: null,
          fit: true,
          warped: random.uniform() < 0.5,
          trend: random.uniform() < 0.5,
          restarts: 0,
          maximumIterations: 8,
          seed: repetition,
          room: 1,
        },
      );
      const prediction = createPrediction(dimensions);
      process.predict(points[0], 0, prediction, true);
      expect(Number.isFinite(prediction.mean) && prediction.variance > 0).toBe(true);
      expect(prediction.meanGradient.every(Number.isFinite)).toBe(true);
      // A pending point on top of an observation, exact like no other.
      process.extend(points[0], 0, prediction.mean, 1e-6 * process.hyperparameters.signalVariance);
      process.predict(points[0], 0, prediction, true);
      expect(Number.isFinite(prediction.mean) && prediction.variance > 0).toBe(true);
    }
  });

  it('raises NumericsError for targets whose covariance is not a number', () => {
    const test = reference.cases[0];
    const hyperparameters = { ...priorHyperparameters(1), signalVariance: NaN };
    expect(() => new GaussianProcess(observationsOf(test), hyperparameters)).toThrow(NumericsError);
  });
});
