import { describe, expect, it } from 'vitest';
import { BayesianOptimizer, type Evaluation, type OptimizerOptions } from '../../../lib/bayes/index.js';
import { branin } from '../../../lib/bench/bayes/problems.js';

/** Points asked one after the other. */
function search(
  options: OptimizerOptions,
  evaluations: number,
  evaluate: (point: number[]) => Evaluation,
): { points: number[][]; optimizer: BayesianOptimizer } {
  const optimizer = new BayesianOptimizer(options);
  const points = Array.from({ length: evaluations }, () => {
    const [point] = optimizer.ask();
    optimizer.tell(point, evaluate(point));
    return point;
  });
  return { points, optimizer };
}

describe('BayesianOptimizer where evaluations fail', { timeout: 60_000 }, () => {
  it.each([-1, 0])('finds the edge of where they succeed although every constraint measured is %f', (value) => {
    const { optimizer } = search(
      { dimensions: 1, seed: 1, initial: 5, constraints: 1, objective: ([x]) => -x },
      25,
      ([x]) => (x > 0.6 ? { failed: true } : { constraints: [value] }),
    );
    expect(optimizer.best()!.point[0]).toBeGreaterThan(0.59);
  });
});

describe('BayesianOptimizer under constraints', { timeout: 60_000 }, () => {
  it('asks feasible points also once it looks into another valley', () => {
    let asked = 0;
    let infeasible = 0;
    for (let seed = 1; seed <= 3; seed++) {
      const { points } = search({ dimensions: 2, seed, constraints: 1, initial: 10 }, 45, ([x, y]) => ({
        objective: branin(x, y),
        constraints: [(x - 0.5) ** 2 + (y - 0.5) ** 2 - 0.2],
      }));
      const late = points.slice(29);
      asked += late.length;
      infeasible += late.filter(([x, y]) => (x - 0.5) ** 2 + (y - 0.5) ** 2 > 0.21).length;
    }
    expect(infeasible).toBeLessThan(0.3 * asked);
  });

  it('weighs how far several constraints of different size are missed, each in its own deviations', () => {
    // Both constraints are met together only near x = 0.5; the second is a million times the first.
    const { optimizer } = search(
      { dimensions: 1, seed: 3, constraints: 2, initial: 6, objective: ([x]) => x },
      25,
      ([x]) => ({ constraints: [0.49 - x, 1e6 * (x - 0.51)] }),
    );
    expect(Math.abs(optimizer.best()!.point[0] - 0.5)).toBeLessThan(0.0101);
  });

  it('takes a known objective that is undefined in places for worthless there, and goes on ranking the rest', () => {
    const { points } = search(
      { dimensions: 2, seed: 1, constraints: 1, initial: 6, objective: ([x, y]) => (x > 0.7 ? NaN : -x - y) },
      30,
      ([x, y]) => ({ constraints: [x + 2 * y - 1.2] }),
    );
    const best = Math.min(...points.filter(([x, y]) => x <= 0.7 && x + 2 * y <= 1.2).map(([x, y]) => -x - y));
    expect(best).toBeLessThan(-0.94);
  });
});
