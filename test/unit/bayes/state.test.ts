import { describe, expect, it } from 'vitest';
import { BayesianOptimizer, type OptimizerOptions, type OptimizerState } from '../../../lib/bayes/index.js';
import { UsageError } from '../../../lib/errors.js';

const known: OptimizerOptions = { dimensions: 2, seed: 1, constraints: 1, objective: ([x, y]) => -x - y };

function stateOf(options: OptimizerOptions): OptimizerState {
  const optimizer = new BayesianOptimizer(options);
  for (let i = 0; i < 3; i++) {
    const [point] = optimizer.ask();
    optimizer.tell(point, { objective: point[0], constraints: options.constraints === 1 ? [0] : [] });
  }
  return JSON.parse(JSON.stringify(optimizer.state())) as OptimizerState;
}

describe('BayesianOptimizer.restore', () => {
  it('refuses the state of a search with a known objective where none is given', () => {
    const optimizer = new BayesianOptimizer(known);
    optimizer.tell([0.5, 0.5], { constraints: [0] });
    expect(() => BayesianOptimizer.restore(optimizer.state())).toThrow(/known function/);
    expect(() => BayesianOptimizer.restore(optimizer.state(), { objective: known.objective! })).not.toThrow();
  });

  it.each([null, 7, [], {}, { version: 1 }])('refuses %j', (value) => {
    expect(() => BayesianOptimizer.restore(value as unknown as OptimizerState)).toThrow(UsageError);
  });

  it('refuses a state without any one of its fields, or with something else there', () => {
    const state = stateOf({ dimensions: 2, seed: 1 });
    for (const name of Object.keys(state)) {
      for (const wrong of [undefined, 'x', [['x']]]) {
        const damaged = { ...state, [name]: wrong };
        expect(() => BayesianOptimizer.restore(damaged), `${name} ${String(wrong)}`).toThrow(UsageError);
      }
    }
  });

  it('refuses observations outside the cube, without a time, or of another number of constraints', () => {
    const state = stateOf({ dimensions: 2, seed: 1, constraints: 1 });
    for (const change of [
      { point: [0.5] },
      { point: [0.5, 2] },
      { point: null },
      { time: null },
      { constraints: [] },
    ]) {
      const observations = [{ ...state.observations[0], ...change }] as OptimizerState['observations'];
      expect(() => BayesianOptimizer.restore({ ...state, observations })).toThrow(UsageError);
    }
  });
});

describe('BayesianOptimizer, what it is told', () => {
  it('refuses what no option or outcome can be', () => {
    const wrong =
      (options: object): (() => void) =>
      () => {
        new BayesianOptimizer({ dimensions: 2, seed: 1, ...options });
      };
    expect(wrong({ strategy: 'turbo' })).toThrow(/strategy/);
    expect(wrong({ forgetting: 'never' })).toThrow(/forgetting/);
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, constraints: 2 });
    expect(() => optimizer.advance(Infinity)).toThrow(/time/);
    expect(() => optimizer.tell([0, 0], { objective: 1e200, constraints: [0, 0] })).toThrow(/objective/);
    expect(() => optimizer.tell([0, 0], { objective: 0, constraints: [0, 0], constraintNoiseVariance: [1] })).toThrow(
      /constraintNoiseVariance/,
    );
    expect(() => new BayesianOptimizer(known).tell([0, 0], { objective: NaN, constraints: [0] })).toThrow(/objective/);
  });

  it('works with measurements as large as are taken', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 1, initial: 3 });
    for (let i = 0; i < 10; i++) {
      const [point] = optimizer.ask();
      optimizer.tell(point, { objective: 1e150 * (point[0] - 0.3) ** 2 });
    }
    expect(Number.isFinite(optimizer.best()!.objective)).toBe(true);
    expect(Math.abs(optimizer.best()!.point[0] - 0.3)).toBeLessThan(0.1);
  });

  it('does not change with an array that the caller changes later', () => {
    const safe = [0.2, 0.2];
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, safe });
    safe[0] = 0.9;
    expect(optimizer.state().settings.safe).toEqual([0.2, 0.2]);
  });

  it('learns how fast to forget from the next suggestion on, also after a hundred observations', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 1 });
    for (let i = 0; i < 120; i++) optimizer.tell([i / 120], { objective: Math.sin(6 * (i / 120)) });
    optimizer.ask();
    optimizer.advance(1, false);
    for (let i = 0; i < 2; i++) optimizer.tell([0.1 + 0.8 * i], { objective: 5 - 9 * i });
    optimizer.ask();
    expect(optimizer.state().hyperparameters.objective!.forgettingRate).toBeGreaterThan(0);
  });
});
