/**
 * Every network of models/ against PyTorch: logits, and gradients with batch statistics where the reference has them.
 * test/fixtures/make_reference.py made the reference values, from torchvision's definitions and Caffe's.
 */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { listModels, loadSpec, parameterShapes, toGraph, toNormalization } from '../../lib/models/index.js';
import { Session } from '../../lib/native/session.js';
import { digestGradient, gradientError, relativeError, uniform, type GradientDigest } from './support/formula.js';

const TOLERANCE = 1e-4;

interface Reference {
  network: string;
  head: string;
  shape: [number, number, number, number];
  imageScale: number;
  imageSeed: number;
  headScale: number;
  /** Per bias, the multiples of 2^-14 added to its values. */
  nudges?: Record<string, number[]>;
  parameters: number;
  logits: number[];
  train?: { labels: number[]; loss: number; gradients: Record<string, GradientDigest> };
}

interface Row {
  network: string;
  parameters: number;
  logits: number;
  gradients?: { tensors: number; worst: number; where: string };
}

const rows: Row[] = [];

function referencePath(name: string): URL {
  return new URL(`../fixtures/agreement/${name}.json`, import.meta.url);
}

/** The value make_reference.py gives the parameter. */
function parameterValue(
  { name, node, kind, shape }: ReturnType<typeof parameterShapes>[number],
  reference: Reference,
): Float32Array {
  const count = shape.reduce((product, size) => product * size, 1);
  switch (kind) {
    case 'weight': {
      const fanIn = count / (shape[0] ?? 1);
      return uniform(name, count, Math.sqrt(6 / fanIn) * (node === reference.head ? reference.headScale : 1));
    }
    case 'scale':
      return uniform(name, count, 0.25, 1);
    case 'running_var':
      return uniform(name, count, 0.5, 1);
    default:
      return nudge(uniform(name, count, 0.1), reference.nudges?.[name]);
  }
}

/** Assigning to a Float32Array rounds, as make_reference.py's addition in float32 does. */
function nudge(values: Float32Array, steps: number[] = []): Float32Array {
  steps.forEach((step, i) => (values[i] = (values[i] ?? NaN) + step * 2 ** -14));
  return values;
}

async function filledSession(name: string, reference: Reference): Promise<Session> {
  const spec = loadSpec(name);
  const session = await Session.create({
    graph: toGraph(spec),
    normalization: toNormalization(spec),
    device: 'cpu',
    threads: 2,
    precision: 'fp32',
    seed: 1,
  });
  // One tensor at a time: vgg16's would otherwise stand in memory three times.
  for (const parameter of parameterShapes(spec)) {
    await session.setTensors({ role: 'parameter', tensors: { [parameter.name]: parameterValue(parameter, reference) } });
  }
  return session;
}

async function compare(name: string): Promise<Row> {
  const reference = JSON.parse(readFileSync(referencePath(name), 'utf8')) as Reference;
  const parameters = parameterShapes(loadSpec(name))
    .filter(({ kind }) => !kind.startsWith('running'))
    .reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  expect(parameters).toBe(reference.parameters);

  const session = await filledSession(name, reference);
  try {
    const count = reference.shape.reduce((product, size) => product * size, 1);
    const images = uniform(`image ${reference.imageSeed}`, count, reference.imageScale);
    const { logits } = await session.forward({ pixels: images, shape: reference.shape });
    const row: Row = { network: name, parameters, logits: relativeError(logits, reference.logits) };
    if (reference.train) {
      const { loss, gradients } = await session.gradients({
        input: images,
        shape: reference.shape,
        labels: Int32Array.from(reference.train.labels),
      });
      expect(Object.keys(gradients).sort()).toEqual(Object.keys(reference.train.gradients).sort());
      row.gradients = { tensors: 1, worst: Math.abs(loss - reference.train.loss) / reference.train.loss, where: 'loss' };
      for (const [tensor, expected] of Object.entries(reference.train.gradients)) {
        const gradient = gradients[tensor];
        const error = gradientError(digestGradient(tensor, gradient, expected), expected);
        // Written so that NaN is the worst.
        if (!(error <= row.gradients.worst)) Object.assign(row.gradients, { worst: error, where: tensor });
      }
      row.gradients.tensors = Object.keys(gradients).length;
    }
    rows.push(row);
    return row;
  } finally {
    await session.dispose();
  }
}

afterAll(() => {
  const lines = rows.map(({ network, parameters, logits, gradients }) =>
    [
      network.padEnd(15),
      parameters.toLocaleString('en').padStart(12),
      logits.toExponential(1).padStart(14),
      (gradients ? gradients.worst.toExponential(1) : '-').padStart(16),
      gradients ? `  ${gradients.where} (of ${gradients.tensors} tensors)` : '',
    ].join(''),
  );
  const title = `${'network'.padEnd(15)}${'parameters'.padStart(12)}${'logits error'.padStart(14)}${'gradient error'.padStart(16)}  worst in`;
  console.log(['relative to PyTorch in float64', title, ...lines].join('\n'));
});

describe('agreement with PyTorch', () => {
  it('has reference values for every network that is shipped', () => {
    expect(listModels().filter((name) => !existsSync(referencePath(name)))).toEqual([]);
  });

  it.each(listModels())('%s computes what PyTorch computes', { timeout: 600_000 }, async (name) => {
    const row = await compare(name);
    expect(row.logits).toBeLessThanOrEqual(TOLERANCE);
    if (row.gradients) expect(row.gradients.worst).toBeLessThanOrEqual(TOLERANCE);
  });

  it.each(['alexnet', 'squeezenet1_1', 'resnet18', 'bvlc_alexnet'])('%s has reference gradients', (name) => {
    expect(rows.find(({ network }) => network === name)?.gradients?.tensors).toBeGreaterThan(0);
  });
});
