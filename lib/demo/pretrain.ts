/**
 * Makes models/demo.safetensors: trains the demo's network from scratch on the source domain. Run by
 * `npm run demo:pretrain` after the build; the weights in the repository came from here with the constants below.
 */

import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { openImageCache, TextSeededRandom, samplesOf, scanDataset } from '../data/index.js';
import { loadSpec, toGraph, toNormalization, writeSafetensors } from '../models/index.js';
import type { SampleList } from '../native/addon.js';
import { Session } from '../native/session.js';
import { DEMO_IMAGE_SIZE } from './assets.js';
import { writeDemoDataset } from './dataset.js';

const SEED = 1;
const PER_CLASS = { train: 300, val: 20, test: 40 };
const EPOCHS = 12;
const BATCH_SIZE = 64;
/** Sums are taken in the order of the threads: one, so that the weights do not depend on the number of cores. */
const THREADS = 1;
const LEARNING_RATE = 0.02;
/** Steps over which the learning rate rises from zero: without it deep layers without normalisation diverge. */
const RISE = 100;

async function pretrain(): Promise<void> {
  const directory = join(tmpdir(), 'finepune-demo-source');
  const print = (text: string) => process.stdout.write(`${text}\n`);
  print('drawing the source images');
  await writeDemoDataset(directory, { domain: 'source', perClass: PER_CLASS, seed: SEED, size: DEMO_IMAGE_SIZE });
  const dataset = await scanDataset(directory, { seed: SEED });
  const items = [...dataset.fit, ...dataset.tune, ...dataset.test];
  const spec = loadSpec('demo');
  const cache = await openImageCache(items, {
    size: spec.input.resize,
    channels: 3,
    directory: join(directory, 'cache'),
  });

  await using session = await Session.create({
    graph: toGraph(spec),
    normalization: toNormalization(spec),
    device: 'cpu',
    threads: THREADS,
    precision: 'fp32',
    seed: SEED,
  });
  const names = session.describeParameters().map((parameter) => parameter.name);
  await session.initializeParameters({ names, seed: new TextSeededRandom(SEED).bits() });
  const images = await session.attachImages(cache.file);
  const list = (part: typeof items): SampleList => {
    const { records, labels } = samplesOf(part, cache);
    return { images, records, labels };
  };
  const [fit, test] = [list(dataset.fit), list([...dataset.tune, ...dataset.test])];

  const stepsPerEpoch = Math.floor(fit.records.length / BATCH_SIZE);
  const steps = EPOCHS * stepsPerEpoch;
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const firstStep = epoch * stepsPerEpoch;
    const learningRates = Float64Array.from({ length: stepsPerEpoch }, (_, i) => {
      const step = firstStep + i;
      const cosine = 0.5 * (1 + Math.cos((Math.PI * step) / steps));
      return LEARNING_RATE * cosine * Math.min(1, (step + 1) / RISE);
    });
    const trained = await session.train({
      samples: fit,
      firstStep,
      learningRates,
      batchSize: BATCH_SIZE,
      learningRateFactors: {},
      momentum: 0.9,
      weightDecay: 1e-4,
      labelSmoothing: 0,
      dropout: false,
      clipNorm: 5,
      augmentation: {
        kind: 'crop',
        areaRange: [1, 1],
        aspectRange: [1, 1],
        horizontalFlip: true,
        verticalFlip: false,
      },
      surgery: null,
    });
    const { top1 } = await session.evaluate({ samples: test, batchSize: 256 });
    const rate = Math.round(trained.images / trained.seconds);
    print(
      `epoch ${epoch + 1}: loss ${trained.loss.toFixed(3)}, held-out accuracy ${top1.toFixed(4)}, ${rate} images/s`,
    );
  }

  const { top1 } = await session.evaluate({ samples: test, batchSize: 256 });
  const values = await session.getTensors({ role: 'parameter', names });
  const shapes = new Map(session.describeParameters().map(({ name, shape }) => [name, shape]));
  const path = fileURLToPath(new URL('../../models/demo.safetensors', import.meta.url));
  const tensors = names.map((name) => ({
    name,
    dtype: 'F32' as const,
    shape: shapes.get(name)!,
    data: values[name],
  }));
  await writeSafetensors(path, tensors, {
    labels: JSON.stringify(dataset.labels),
    accuracy: top1.toFixed(4),
  });
  print(`${path}: accuracy ${top1.toFixed(4)} on ${test.records.length} held-out source images`);
}

await pretrain();
