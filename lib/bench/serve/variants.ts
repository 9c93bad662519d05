/** The weights that serving is measured on: random values, of which each layer keeps a share. */

import { parameterShapes, type ModelSpec } from '../../models/index.js';
import { Random } from '../../bayes/rng.js';

/** Share of weights kept, by layer or one for all. */
export interface Variant {
  name: string;
  density: number | Record<string, number>;
}

/** Dynamic Network Surgery's AlexNet (Guo et al., NIPS 2016, table 2), layer by layer in the network's order. */
const PUBLISHED = [0.538, 0.406, 0.29, 0.323, 0.325, 0.037, 0.066, 0.046];
/** The first convolution as published, 10% of the others, 2% of the fully connected layers. */
const TENTH = [0.538, 0.1, 0.1, 0.1, 0.1, 0.02, 0.02, 0.02];

const ALEXNETS = ['alexnet', 'caffenet', 'bvlc_alexnet'];

/** A sweep of densities, and for AlexNet those that were published. */
export function variantsOf(spec: ModelSpec, densities: readonly number[]): Variant[] {
  const sweep = densities.map((density) => ({ name: `${+(density * 100).toPrecision(3)}%`, density }));
  if (!ALEXNETS.includes(spec.name)) return sweep;
  const layers = parameterShapes(spec).filter(({ kind }) => kind === 'weight');
  const byLayer = (shares: number[]) => Object.fromEntries(layers.map(({ name }, index) => [name, shares[index] ?? 1]));
  return [...sweep, { name: 'published', density: byLayer(PUBLISHED) }, { name: 'tenth', density: byLayer(TENTH) }];
}

/** Values by parameter name: weights uniform with variance 2 / fan-in, at random places; everything else harmless. */
export function tensorsOf(
  spec: ModelSpec,
  { density }: Variant,
  seed: number,
): Map<string, { shape: number[]; data: Float32Array }> {
  const random = new Random(seed);
  const tensors = new Map<string, { shape: number[]; data: Float32Array }>();
  for (const { name, kind, shape } of parameterShapes(spec)) {
    const count = shape.reduce((product, size) => product * size, 1);
    const data = new Float32Array(count);
    if (kind === 'weight') {
      const kept = typeof density === 'number' ? density : (density[name] ?? 1);
      const range = Math.sqrt(6 / (count / (shape[0] ?? 1)) / Math.max(kept, 1e-3));
      for (let i = 0; i < count; i += 1) {
        if (kept >= 1 || random.uniform() < kept) data[i] = (2 * random.uniform() - 1) * range;
      }
    } else if (kind === 'bias' || kind === 'shift') {
      // Not zero: a layer that is nearly empty would otherwise silence all that follow.
      for (let i = 0; i < count; i += 1) data[i] = 0.2 * random.uniform() - 0.1;
    } else {
      data.fill(kind === 'running_mean' ? 0 : 1);
    }
    tensors.set(name, { shape: [...shape], data });
  }
  return tensors;
}
