/** The pruning toy searched in rounds, as the tuner does, by this package and by random search. */
import { BayesianOptimizer } from '../../bayes/index.js';
import { Random } from '../../bayes/rng.js';
import { ALEXNET_LAYERS, PruningToy, SQUEEZENET_LAYERS } from './pruning-toy.js';

const ROUNDS = 5;
const EVALUATIONS = 16;
const IMAGES = 500;
const MAXIMUM_DROP = 0.01;

/** Compression reached after the last round, drawn back to honest feasibility, as a share of the best there is. */
function searchOurs(layers: readonly number[], seed: number): number {
  const toy = new PruningToy(layers, MAXIMUM_DROP, IMAGES, seed);
  const safe = layers.map(() => 0);
  const optimizer = new BayesianOptimizer({
    dimensions: layers.length,
    seed,
    constraints: 1,
    initial: 6,
    safe,
    objective: toy.objective,
  });
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) {
      toy.train();
      optimizer.advance(round);
    } else optimizer.enqueue(safe);
    for (let i = 0; i < EVALUATIONS; i++) {
      const [point] = optimizer.ask();
      const { constraint, noiseVariance } = toy.measure(point);
      optimizer.tell(point, { constraints: [constraint], constraintNoiseVariance: [noiseVariance] });
    }
  }
  return toy.honestCompression(optimizer.best()?.point ?? safe) / toy.bestCompression();
}

/** Random search over levels and layers, every round anew, which is what does best of the simple ways. */
function searchRandomly(layers: readonly number[], seed: number): number {
  const toy = new PruningToy(layers, MAXIMUM_DROP, IMAGES, seed);
  const random = new Random(seed);
  let best = layers.map(() => 0);
  for (let round = 0; round < ROUNDS; round++) {
    if (round > 0) toy.train();
    best = layers.map(() => 0);
    for (let i = 0; i < EVALUATIONS; i++) {
      const level = random.uniform();
      const point = layers.map(() => level * random.uniform());
      if (toy.measure(point).constraint <= 0 && toy.objective(point) < toy.objective(best)) best = point;
    }
  }
  return toy.honestCompression(best) / toy.bestCompression();
}

/** The contenders: a name and what gives one seed's share of the largest compression there is. */
export const PRUNING_SEARCHES: readonly { name: string; search: (seed: number) => number }[] = [
  ['alexnet', ALEXNET_LAYERS] as const,
  ['squeezenet', SQUEEZENET_LAYERS] as const,
].flatMap(([name, layers]) => [
  { name: `pruning toy ${name}, share of optimum`, search: (seed: number) => searchOurs(layers, seed) },
  { name: `pruning toy ${name}, random search`, search: (seed: number) => searchRandomly(layers, seed) },
]);
