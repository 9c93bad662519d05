import { describe, expect, it } from 'vitest';
import { BayesianOptimizer } from '../../../lib/bayes/index.js';
import type { OptimizerOptions, OptimizerState } from '../../../lib/bayes/index.js';
import { UsageError } from '../../../lib/errors.js';
import { branin, hartmann6 } from '../../../lib/bench/bayes/problems.js';
import { ALEXNET_LAYERS, PruningToy } from '../../../lib/bench/bayes/pruning-toy.js';

const bowl = (point: readonly number[]): number => point.reduce((sum, x, k) => sum + (x - 0.2 - 0.1 * k) ** 2, 0);

function run(optimizer: BayesianOptimizer, evaluations: number, f = bowl): number[][] {
  return Array.from({ length: evaluations }, () => {
    const [point] = optimizer.ask();
    optimizer.tell(point, { objective: f(point) });
    return point;
  });
}

describe('BayesianOptimizer', { timeout: 60_000 }, () => {
  it('asks the same points for the same seed, and others for another', () => {
    const points = run(new BayesianOptimizer({ dimensions: 3, seed: 4 }), 15);
    expect(run(new BayesianOptimizer({ dimensions: 3, seed: 4 }), 15)).toEqual(points);
    expect(run(new BayesianOptimizer({ dimensions: 3, seed: 5 }), 1)).not.toEqual(points.slice(0, 1));
  });

  it.each([3, 9, 14])('goes on exactly after its state went through JSON, saved after %i evaluations', (when) => {
    const whole = new BayesianOptimizer({ dimensions: 3, seed: 4 });
    const points = run(whole, 20);
    const first = new BayesianOptimizer({ dimensions: 3, seed: 4 });
    run(first, when);
    const state = JSON.parse(JSON.stringify(first.state())) as OptimizerState;
    const second = BayesianOptimizer.restore(state);
    expect(run(second, 20 - when)).toEqual(points.slice(when));
    expect(second.state()).toEqual(whole.state());
  });

  it('goes on exactly with points asked and not told when it was saved', () => {
    const first = new BayesianOptimizer({ dimensions: 2, seed: 1, initial: 4 });
    run(first, 5);
    const asked = first.ask(3);
    const second = BayesianOptimizer.restore(JSON.parse(JSON.stringify(first.state())) as OptimizerState);
    for (const optimizer of [first, second]) optimizer.tell(asked[1], { objective: 1 });
    expect(second.ask(2)).toEqual(first.ask(2));
  });

  it('is not swayed by being asked for the best', () => {
    const quiet = new BayesianOptimizer({ dimensions: 2, seed: 1 });
    const asked = new BayesianOptimizer({ dimensions: 2, seed: 1 });
    for (let i = 0; i < 15; i++) {
      run(quiet, 1);
      run(asked, 1);
      asked.best();
    }
    expect(asked.ask()).toEqual(quiet.ask());
  });

  it('never suggests a point twice, even on a flat objective and in batches', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 3, initial: 4 });
    const seen: number[] = [];
    for (let i = 0; i < 12; i++) {
      for (const point of optimizer.ask(4)) {
        expect(seen.every((other) => Math.abs(other - point[0]) > 1e-7)).toBe(true);
        seen.push(point[0]);
        optimizer.tell(point, { objective: i % 2 === 0 ? 0 : Math.abs(point[0] - 1) });
      }
    }
  });

  it('stays inside the unit cube', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 3 });
    const points = run(optimizer, 25, ([x, y]) => -x - y);
    expect(points.flat().every((value) => value >= 0 && value <= 1)).toBe(true);
    expect(optimizer.best()!.objective).toBeLessThan(-1.999);
  });

  it("comes within 1e-3 of Branin's minimum in 40 evaluations", () => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, initial: 10 });
    const points = run(optimizer, 40, ([x, y]) => branin(x, y));
    expect(Math.min(...points.map(([x, y]) => branin(x, y))) - 0.39788735772973816).toBeLessThan(1e-3);
  });

  it('asks enqueued points first, even ones it has seen', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1 });
    const [seen] = run(optimizer, 1);
    optimizer.enqueue([0.25, 0.75]);
    optimizer.enqueue(seen);
    expect(optimizer.ask(2)).toEqual([[0.25, 0.75], seen]);
  });

  it('suggests different points in one batch, each told of the others', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, initial: 6 });
    run(optimizer, 12, ([x, y]) => branin(x, y));
    const batch = optimizer.ask(4);
    for (let i = 0; i < 4; i++) {
      for (let j = 0; j < i; j++) {
        expect(Math.max(...batch[i].map((value, k) => Math.abs(value - batch[j][k])))).toBeGreaterThan(1e-3);
      }
    }
  });

  it('remembers failures and keeps away from them', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 1, initial: 5 });
    let failures = 0;
    for (let i = 0; i < 25; i++) {
      const [point] = optimizer.ask();
      const failed = point[0] > 0.6;
      if (failed && i >= 10) failures++;
      optimizer.tell(point, failed ? { failed } : { objective: -point[0] });
    }
    expect(optimizer.count).toBe(25);
    expect(failures).toBeLessThan(12);
    expect(optimizer.best()!.objective).toBeLessThan(-0.5);
  });

  it('has no best before anything succeeded or is feasible', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, constraints: 1 });
    expect(optimizer.best()).toBeNull();
    optimizer.tell([0.5, 0.5], { failed: true });
    expect(optimizer.best()).toBeNull();
    optimizer.tell([0.1, 0.5], { objective: 0, constraints: [1] });
    expect(optimizer.best()).toBeNull();
  });

  it('minimises under a measured constraint and returns a point that meets it', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 2, constraints: 1, initial: 8 });
    for (let i = 0; i < 30; i++) {
      const [point] = optimizer.ask();
      optimizer.tell(point, { objective: -point[0] - point[1], constraints: [point[0] ** 2 + point[1] ** 2 - 0.5] });
    }
    const best = optimizer.best()!;
    expect(best.point[0] ** 2 + best.point[1] ** 2).toBeLessThanOrEqual(0.5);
    expect(best.objective).toBeLessThan(-0.98);
  });

  it('minimises under a known constraint without measuring it', () => {
    const knownConstraints = [{ value: ([x, y]: readonly number[]) => x + y - 0.7 }];
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 2, initial: 6, knownConstraints });
    run(optimizer, 25, ([x, y]) => -x - 2 * y);
    const best = optimizer.best()!;
    expect(best.point[0] + best.point[1]).toBeLessThanOrEqual(0.7);
    expect(best.objective).toBeLessThan(-1.3);
  });

  it('adds a known offset to the measured objective', () => {
    const offset = ([x]: readonly number[]): number => -2 * x;
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 1, initial: 5, offset });
    run(optimizer, 20, ([x]) => x * x + x);
    // x^2 - x is least at one half.
    expect(optimizer.best()!.point[0]).toBeCloseTo(0.5, 2);
    expect(optimizer.best()!.objective).toBeCloseTo(-0.25, 3);
  });

  it('sees through noise: its best is near the minimum though single measurements lie', () => {
    let noise = 1;
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 1, initial: 8 });
    for (let i = 0; i < 40; i++) {
      const [point] = optimizer.ask();
      // A fixed sequence with deviation about 0.06, known to the optimizer.
      noise = (noise * 16807) % 2147483647;
      const objective = (point[0] - 0.4) ** 2 + 0.2 * (noise / 2147483647 - 0.5);
      optimizer.tell(point, { objective, noiseVariance: 0.04 / 12 });
    }
    expect(Math.abs(optimizer.best()!.point[0] - 0.4)).toBeLessThan(0.2);
  });

  it('takes the trust region in many dimensions or after many evaluations, and says so', () => {
    expect(new BayesianOptimizer({ dimensions: 15, seed: 1 }).strategy).toBe('global');
    expect(new BayesianOptimizer({ dimensions: 16, seed: 1 }).strategy).toBe('trust-region');
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 1 });
    for (let i = 0; i <= 200; i++) optimizer.tell([i / 200], { objective: Math.sin(i) });
    expect(optimizer.strategy).toBe('trust-region');
    expect(optimizer.ask()[0]).toHaveLength(1);
  });

  it('re-evaluates the best of before first in a new round, then follows an optimum that moved', () => {
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, initial: 8 });
    let centre = 0.3;
    for (let round = 0; round < 3; round++) {
      const before = optimizer.best();
      optimizer.advance(round);
      for (let i = 0; i < 12; i++) {
        const [point] = optimizer.ask();
        if (i === 0 && before) expect(point).toEqual(before.point);
        optimizer.tell(point, { objective: (point[0] - centre) ** 2 + (point[1] - 0.5) ** 2 });
      }
      const best = optimizer.best()!;
      expect(Math.abs(best.point[0] - centre)).toBeLessThan(0.05);
      centre += 0.15;
    }
  });

  it('names what is wrong with options, points and outcomes', () => {
    expect(() => new BayesianOptimizer({ dimensions: 0, seed: 1 })).toThrow(UsageError);
    expect(() => new BayesianOptimizer({ dimensions: 2, seed: NaN })).toThrow(/seed/);
    expect(() => new BayesianOptimizer({ dimensions: 2, seed: 1, safe: [0] })).toThrow(/safe/);
    const optimizer = new BayesianOptimizer({ dimensions: 2, seed: 1, constraints: 1 });
    expect(() => optimizer.tell([0.5], { objective: 1, constraints: [0] })).toThrow(/\[0, 1\]\^2/);
    expect(() => optimizer.tell([0.5, 0.5], { objective: NaN, constraints: [0] })).toThrow(/objective/);
    expect(() => optimizer.tell([0.5, 0.5], { objective: 1 })).toThrow(/1 constraints/);
    expect(() => optimizer.tell([0.5, 0.5], { objective: 1, constraints: [0], noiseVariance: -1 })).toThrow(/variance/);
    expect(() => optimizer.ask(0)).toThrow(/count/);
    expect(() => optimizer.enqueue([2, 0])).toThrow(/enqueue/);
    expect(() => BayesianOptimizer.restore({ version: 2 } as unknown as OptimizerState)).toThrow(/version/);
  });
});

describe('BayesianOptimizer with a known objective', { timeout: 60_000 }, () => {
  it('prunes far better than random search with the same noisy measurements', () => {
    const ours: number[] = [];
    const random: number[] = [];
    for (let seed = 1; seed <= 3; seed++) {
      const toy = new PruningToy(ALEXNET_LAYERS, 0.02, 1000, seed);
      const safe = toy.layers.map(() => 0);
      const options: OptimizerOptions = {
        dimensions: 8,
        seed,
        constraints: 1,
        initial: 6,
        safe,
        objective: toy.objective,
      };
      const optimizer = new BayesianOptimizer(options);
      const scattered = new BayesianOptimizer({ ...options, initial: 40 });
      for (let i = 0; i < 40; i++) {
        for (const each of [optimizer, scattered]) {
          const [point] = each.ask();
          const { constraint, noiseVariance } = toy.measure(point);
          each.tell(point, { constraints: [constraint], constraintNoiseVariance: [noiseVariance] });
        }
      }
      ours.push(toy.honestCompression(optimizer.best()!.point));
      random.push(toy.honestCompression(scattered.best()?.point ?? safe));
    }
    const middle = (values: number[]): number => values.sort((a, b) => a - b)[1];
    expect(middle(ours)).toBeGreaterThan(1.5 * middle(random));
  });

  it('needs no objective told and reports the known one', () => {
    const objective = ([x]: readonly number[]): number => -x;
    const optimizer = new BayesianOptimizer({ dimensions: 1, seed: 1, constraints: 1, initial: 4, objective });
    for (let i = 0; i < 15; i++) {
      const [point] = optimizer.ask();
      optimizer.tell(point, { constraints: [point[0] - 0.6] });
    }
    const best = optimizer.best()!;
    expect(best.objective).toBe(-best.point[0]);
    expect(best.point[0]).toBeGreaterThan(0.59);
    expect(best.point[0]).toBeLessThanOrEqual(0.6);
  });
});

describe('hartmann6', () => {
  it('has its published minimum', () => {
    expect(hartmann6([0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573])).toBeCloseTo(-3.32237, 4);
  });
});
