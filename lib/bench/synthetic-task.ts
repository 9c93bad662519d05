/** A network with random weights and random images in a temporary folder, from which both sides of a benchmark start. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Random } from '../bayes/rng.js';
import { type ModelSpec, loadSpec, toGraph, toNormalization, withClasses, writeSafetensors } from '../models/index.js';
import type { ImageFile, Precision, SampleList } from '../native/addon.js';
import { Session } from '../native/session.js';
import { MagnitudeDistribution } from '../tuner/magnitudes.js';

/** Classes of UC Merced Land Use, the domain of Fine-Pruning's experiments. */
const CLASSES = 21;

/** Densities of a network in the middle of its pruning: near those of METHOD.md section 2's AlexNet. */
const CONV_DENSITY = 0.3;
const LINEAR_DENSITY = 0.05;

const SEED = 1;

export interface SyntheticOptions {
  /** Name in models/ or path of a spec. */
  model: string;
  images: number;
  batchSize: number;
  threads: number;
  precision: Precision;
  /** 'cpu' or 'cuda:N'. */
  device: string;
}

export class SyntheticTask implements AsyncDisposable {
  private constructor(
    readonly folder: string,
    readonly spec: ModelSpec,
    /** Ours, with the task's weights, dense, and its images attached. */
    readonly session: Session,
    readonly images: ImageFile,
    readonly samples: SampleList,
    /** The weights as a .safetensors file. */
    readonly weights: string,
    /** Layer name -> t for a third of the convolutions' weights and a twentieth of the linear layers'. */
    readonly thresholds: Record<string, number>,
  ) {}

  /** @throws UsageError, SpecError on a model that cannot be read. */
  static async make(options: SyntheticOptions): Promise<SyntheticTask> {
    const spec = withClasses(loadSpec(options.model), CLASSES);
    const folder = await mkdtemp(join(tmpdir(), 'finepune-bench-'));
    const session = await Session.create({
      graph: toGraph(spec),
      normalization: toNormalization(spec),
      device: options.device,
      threads: options.threads,
      precision: options.precision,
      seed: SEED,
    });
    try {
      const images = await writeImages(folder, spec, options.images);
      const attached = await session.attachImages(images);
      const random = new Random(SEED);
      const samples: SampleList = {
        images: attached,
        records: Uint32Array.from({ length: options.images }, (_, record) => record),
        labels: Int32Array.from({ length: options.images }, () => Math.floor(random.uniform() * CLASSES)),
      };
      const names = session.describeParameters().map(({ name }) => name);
      await session.initializeParameters({ names, seed: SEED });
      await session.calibrateParameters({ names, samples, batchSize: options.batchSize });
      const weights = join(folder, 'weights.safetensors');
      await writeWeights(session, weights);
      const thresholds = await thresholdsOf(session);
      return new SyntheticTask(folder, spec, session, images, samples, weights, thresholds);
    } catch (error) {
      await session.dispose();
      await rm(folder, { recursive: true, force: true });
      throw error;
    }
  }

  /** The first of the samples. */
  first(count: number): SampleList {
    const { images, records, labels } = this.samples;
    return { images, records: records.slice(0, count), labels: labels.slice(0, count) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.session.dispose();
    await rm(this.folder, { recursive: true, force: true });
  }
}

async function writeImages(folder: string, spec: ModelSpec, records: number): Promise<ImageFile> {
  const { resize, channels } = spec.input;
  const random = new Random(SEED + 1);
  const words = new Uint32Array(Math.ceil((records * resize * resize * channels) / 4));
  for (let index = 0; index < words.length; index++) words[index] = random.nextUint32();
  const path = join(folder, 'images');
  await writeFile(path, new Uint8Array(words.buffer, 0, records * resize * resize * channels));
  return { path, offset: 0, records, height: resize, width: resize, channels };
}

async function writeWeights(session: Session, path: string): Promise<void> {
  await writeSafetensors(
    path,
    session.describeParameters().map(({ name, shape }) => ({
      name,
      dtype: 'F32' as const,
      shape,
      data: async () => (await session.getTensors({ role: 'parameter', names: [name] }))[name],
    })),
  );
}

async function thresholdsOf(session: Session): Promise<Record<string, number>> {
  const histograms = await session.magnitudeHistograms();
  const thresholds: Record<string, number> = {};
  for (const { name, prunable, shape } of session.describeParameters()) {
    if (!prunable) continue;
    const density = shape.length === 4 ? CONV_DENSITY : LINEAR_DENSITY;
    thresholds[name] = new MagnitudeDistribution(histograms[name]).thresholdFor(density);
  }
  return thresholds;
}
