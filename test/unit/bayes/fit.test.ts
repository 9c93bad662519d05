import { describe, expect, it } from 'vitest';
import { fitHyperparameters, MarginalPosterior, priorHyperparameters } from '../../../lib/bayes/fit.js';
import { minimize } from '../../../lib/bayes/lbfgs.js';
import * as priors from '../../../lib/bayes/priors.js';
import { Random } from '../../../lib/bayes/rng.js';
import { finiteDifferences, observationsOf, reference, relativeError } from './reference.js';

describe('MarginalPosterior', { timeout: 60_000 }, () => {
  it.each(reference.cases.map((test, index) => ({ index, test })))(
    'has the value of an independent reference and the gradient of finite differences (case $index)',
    ({ test }) => {
      const posterior = new MarginalPosterior(observationsOf(test), test.hyperparameters.trendVariance > 0);
      const parameters = posterior.encode(test.hyperparameters);
      const gradient = new Float64Array(posterior.size);
      const value = posterior.evaluate(parameters, gradient);
      const dimensions = test.points[0].length;
      const { lengthScales, signalVariance, trendVariance, noiseVariance, forgettingRate } = test.hyperparameters;
      let prior = priors.signalPrior(Math.log(signalVariance)).value;
      for (const scale of lengthScales) prior += priors.lengthScalePrior(Math.log(scale), dimensions).value;
      if (posterior.learnsTrend) prior += priors.trendPrior(Math.log(trendVariance)).value;
      if (posterior.learnsNoise) prior += priors.noisePrior(Math.log(noiseVariance)).value;
      if (posterior.learnsForgetting) prior += priors.forgettingPrior(Math.log(forgettingRate)).value;
      expect(Math.abs(value - prior - test.negativeLogEvidence)).toBeLessThan(1e-8);
      const scratch = new Float64Array(posterior.size);
      const expected = finiteDifferences((at) => posterior.evaluate(at, scratch), parameters, 1e-5);
      expect(relativeError(gradient, expected)).toBeLessThan(1e-6);
    },
  );

  it('decodes what it encodes', () => {
    const test = reference.cases[4];
    const posterior = new MarginalPosterior(observationsOf(test), true);
    const decoded = posterior.decode(posterior.encode(test.hyperparameters));
    expect(decoded.trendVariance).toBeCloseTo(0.4, 12);
    expect(decoded.forgettingRate).toBeCloseTo(0.2, 12);
    expect(relativeError(decoded.lengthScales, test.hyperparameters.lengthScales)).toBeLessThan(1e-12);
  });
});

describe('fitHyperparameters', () => {
  it('finds a better posterior than the priors and tells an idle coordinate from one that matters', () => {
    const random = new Random(5);
    const points = Array.from({ length: 60 }, () => [random.uniform(), random.uniform()]);
    const observations = {
      dimensions: 2,
      count: 60,
      points: Float64Array.from(points.flat()),
      times: new Float64Array(60),
      targets: Float64Array.from(points, ([x]) => Math.sin(9 * x) * 1.4),
      noiseVariances: new Float64Array(60).fill(NaN),
    };
    const fitted = fitHyperparameters(observations, new Random(1), {
      trend: false,
      restarts: 2,
      maximumIterations: 40,
    });
    const posterior = new MarginalPosterior(observations);
    const scratch = new Float64Array(posterior.size);
    expect(posterior.evaluate(posterior.encode(fitted), scratch)).toBeLessThan(
      posterior.evaluate(posterior.encode(priorHyperparameters(2)), scratch) - 10,
    );
    expect(fitted.lengthScales[1]).toBeGreaterThan(3 * fitted.lengthScales[0]);
  });
});

describe('minimize', () => {
  const box = (size: number, low: number, high: number): { lower: Float64Array; upper: Float64Array } => ({
    lower: new Float64Array(size).fill(low),
    upper: new Float64Array(size).fill(high),
  });

  it("reaches the bottom of Rosenbrock's valley in ten coordinates", () => {
    const result = minimize(
      (x, gradient) => {
        gradient.fill(0);
        let value = 0;
        for (let k = 0; k + 1 < x.length; k++) {
          const a = x[k + 1] - x[k] * x[k];
          const b = 1 - x[k];
          value += 100 * a * a + b * b;
          gradient[k] += -400 * a * x[k] - 2 * b;
          gradient[k + 1] += 200 * a;
        }
        return value;
      },
      new Float64Array(10).fill(-0.5),
      { ...box(10, -5, 5), maximumIterations: 500, valueTolerance: 0 },
    );
    expect(relativeError(result.point, new Float64Array(10).fill(1))).toBeLessThan(1e-5);
  });

  it('stops at the bounds where the minimum lies outside', () => {
    const result = minimize(
      (x, gradient) => {
        gradient.set(x.map((value, k) => 2 * (value - k)));
        return x.reduce((sum, value, k) => sum + (value - k) ** 2, 0);
      },
      Float64Array.of(0.3, 0.3, 0.3),
      box(3, 0.1, 0.9),
    );
    expect(relativeError(result.point, [0.1, 0.9, 0.9])).toBeLessThan(1e-6);
  });

  it('steps back from where the function is not defined', () => {
    const result = minimize(
      (x, gradient) => {
        gradient[0] = 1 - 1 / x[0];
        return x[0] > 0 ? x[0] - Math.log(x[0]) : Infinity;
      },
      Float64Array.of(0.01),
      { ...box(1, -10, 10), firstStep: 100 },
    );
    expect(result.point[0]).toBeCloseTo(1, 4);
  });
});
