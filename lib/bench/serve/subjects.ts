/** The networks that `bench serve` measures: specs with weights made up at given densities, or a model file. */

import { loadSpec, readModelFile, type ModelSpec } from '../../models/index.js';
import type { Tensors } from './contenders.js';
import { tensorsOf, variantsOf } from './variants.js';

/** A network by the name of its spec, with a share of weights kept; or a model file of `tune`. */
export interface SubjectRequest {
  /** Name in models/ or path of a spec, or, with `file`, path of a model file. */
  model: string;
  file: boolean;
  densities: readonly number[];
}

/** One architecture and the ways its weights are filled. */
export interface Subject {
  spec: ModelSpec;
  /** What the rows call it. */
  name: string;
  /** Weights for whoever runs the network dense. */
  full: Tensors;
  variants: { name: string; tensors: () => Tensors }[];
}

const SEED = 1;

/** @throws SpecError; ModelFileError */
export async function openSubject({ model, file, densities }: SubjectRequest): Promise<Subject> {
  if (file) {
    const { spec, tensors } = await readModelFile(model);
    return { spec, name: spec.name, full: tensors, variants: [{ name: 'as tuned', tensors: () => tensors }] };
  }
  const spec = loadSpec(model);
  return {
    spec,
    name: spec.name,
    full: tensorsOf(spec, { name: '100%', density: 1 }, SEED),
    variants: variantsOf(spec, densities).map((variant) => ({
      name: variant.name,
      tensors: () => tensorsOf(spec, variant, SEED),
    })),
  };
}
