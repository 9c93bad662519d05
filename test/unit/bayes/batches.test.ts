import { describe, expect, it } from 'vitest';
import { BayesianOptimizer } from '../../../lib/bayes/index.js';

function distance(one: readonly number[], other: readonly number[]): number {
  return Math.max(...one.map((value, k) => Math.abs(value - other[k])));
}

/** A search with a known objective and one measured constraint, some evaluations under way. */
function underWay(): BayesianOptimizer {
  const optimizer = new BayesianOptimizer({
    dimensions: 2,
    seed: 1,
    initial: 6,
    constraints: 1,
    objective: ([x, y]) => -x - y,
  });
  for (let i = 0; i < 14; i++) {
    const [point] = optimizer.ask();
    optimizer.tell(point, { constraints: [point[0] ** 2 + point[1] ** 2 - 0.7] });
  }
  return optimizer;
}

describe('BayesianOptimizer in batches', { timeout: 60_000 }, () => {
  it('does not crowd a batch around one point where the objective is known', () => {
    const batch = underWay().ask(6);
    for (let i = 0; i < batch.length; i++) {
      for (let j = 0; j < i; j++) expect(distance(batch[i], batch[j])).toBeGreaterThan(5e-4);
    }
  });

  it('is aware of every point of a large batch', () => {
    const batch = underWay().ask(90);
    for (let i = 0; i < batch.length; i++) {
      for (let j = 0; j < i; j++) expect(distance(batch[i], batch[j])).toBeGreaterThan(1e-7);
    }
  });

  it('asks the same whether a batch is asked at once or one by one', () => {
    const one = underWay();
    const other = underWay();
    expect([...one.ask(), ...one.ask()]).toHaveLength(2);
    expect(other.ask(2)).toHaveLength(2);
    expect(other.state().pending).toHaveLength(2);
  });
});
