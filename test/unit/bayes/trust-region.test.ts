import { describe, expect, it } from 'vitest';
import { BayesianOptimizer } from '../../../lib/bayes/index.js';
import { initialTrustRegion, trustRegionBox, updateTrustRegion } from '../../../lib/bayes/trust-region.js';

describe('the trust region', () => {
  const after = (outcomes: readonly boolean[], dimensions: number) =>
    outcomes.reduce((region, improved) => updateTrustRegion(region, improved, dimensions), initialTrustRegion());

  it('doubles after three successes in a row and halves after as many failures as there are coordinates', () => {
    const { length } = initialTrustRegion();
    expect(after([true, true, true], 6).length).toBe(2 * length);
    expect(after([true, true, false, true], 6).length).toBe(length);
    expect(after(Array<boolean>(6).fill(false), 6).length).toBe(length / 2);
    expect(after(Array<boolean>(4).fill(false), 2).length).toBe(length / 2);
  });

  it('begins anew where it became too small, and counts that', () => {
    const region = after(Array<boolean>(4 * 7).fill(false), 2);
    expect(region).toMatchObject({ length: initialTrustRegion().length, restarts: 1 });
  });

  it('is longer where the function is flatter, and stays in the cube', () => {
    const { lower, upper } = trustRegionBox({ ...initialTrustRegion(), length: 0.2 }, [0.5, 0.95], [4, 1]);
    expect(upper[0] - lower[0]).toBeCloseTo(0.4, 12);
    expect(upper[1]).toBe(1);
    expect(lower[1]).toBeCloseTo(0.9, 12);
  });

  it('counts no success that breaks a known constraint', () => {
    const optimizer = new BayesianOptimizer({
      dimensions: 2,
      seed: 1,
      initial: 1,
      strategy: 'trust-region',
      knownConstraints: [{ value: ([x]) => x - 0.5 }],
    });
    const measure = (point: number[], objective: number): void => {
      optimizer.enqueue(point);
      optimizer.tell(optimizer.ask()[0], { objective });
    };
    measure([0.4, 0.5], 1);
    measure([0.9, 0.5], -5);
    expect(optimizer.state().region).toMatchObject({ successes: 0, failures: 1 });
    measure([0.3, 0.5], 0);
    expect(optimizer.state().region).toMatchObject({ successes: 1, failures: 0 });
  });

  it('counts no point that it did not propose', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 18, seed: 1, initial: 1, strategy: 'trust-region' });
    for (let i = 0; i <= 60; i++) optimizer.tell(Array<number>(18).fill(i / 60), { objective: i });
    expect(optimizer.state().region).toEqual(initialTrustRegion());
    optimizer.tell(optimizer.ask()[0], { objective: 60 });
    expect(optimizer.state().region).toMatchObject({ failures: 1 });
  });

  it.each([
    ['it is asked to advance', (optimizer: BayesianOptimizer) => optimizer.advance(1, false)],
    [
      'an outcome of a later time is told',
      (optimizer: BayesianOptimizer) => optimizer.tell([0.5, 0.5], { objective: 1, time: 1 }),
    ],
  ])('begins anew where %s', (_, moveOn) => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, initial: 1, strategy: 'trust-region' });
    optimizer.tell([0.5, 0.5], { objective: 0 });
    for (let i = 0; i < 5; i++) optimizer.tell(optimizer.ask()[0], { objective: 1 });
    expect(optimizer.state().region).toMatchObject({ length: initialTrustRegion().length / 2, failures: 1 });
    moveOn(optimizer);
    expect(optimizer.state()).toMatchObject({ time: 1, region: initialTrustRegion() });
  });
});
