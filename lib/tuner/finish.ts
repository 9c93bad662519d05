/** The end of a run: the model file, the one look at the test set, result.json, the report. */
import { statSync } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { evaluateSamples } from '../native/evaluation.js';
import { readModelFile, writeModelFile } from '../models/index.js';
import { buildReport } from '../report/index.js';
import { readParameters, restoreCheckpoint } from './checkpoint.js';
import { compressionOf, fixedParametersOf } from './layers.js';
import { writeJson } from '../run/json-file.js';
import type { RunPaths } from '../run/run-directory.js';
import { ProgressMeter } from '../progress.js';
import type { RunContext } from './run-context.js';
import { createSession, openSession } from './session.js';
import type { LayerResult, TuneResult } from '../run/types.js';

const BYTES_PER_FLOAT = 4;

/** Measures both networks on the test images and writes what the run leaves behind. */
export async function finishRun(context: RunContext): Promise<TuneResult> {
  const { standing, paths, config } = context;
  const dense = await testDense(context);
  await writeModel(context);
  const compressed = await testModelFile(context);
  const total = compressed.layers.reduce((sum, layer) => sum + layer.count, compressed.fixedParameters);
  const compression = compressionOf(compressed.layers, compressed.fixedParameters);
  const fileBytes = (await stat(paths.model)).size;
  const denseBytes = total * BYTES_PER_FLOAT;
  context.noteResources();
  const { seconds } = standing;
  const result: TuneResult = {
    accuracy: {
      dense: dense.top1,
      compressed: compressed.top1,
      split: 'test',
      images: context.images.test.labels.length,
    },
    parameters: { total, kept: Math.round(total / compression), compression },
    bytes: { dense: denseBytes, file: fileBytes, ratio: denseBytes / fileBytes },
    layers: compressed.layers,
    seconds: {
      decode: seconds.decode,
      search: seconds.search,
      train: seconds.train,
      total: seconds.total,
    },
    peakRssBytes: standing.peakRssBytes,
    device: context.device,
    seed: config.seed,
    model: paths.model,
    report: paths.report,
  };
  await writeJson(paths.result, result);
  // Told last: whoever hears of it finds the report that it names.
  await closeRun(paths);
  context.record({ event: 'done', ...result });
  return result;
}

/**
 * What is left to do once result.json is there: the report, where it does not know the result, and what only a resume would
 * need goes.
 * @throws RunError a file of the run is damaged; FileError the report cannot be written.
 */
export async function closeRun(paths: RunPaths): Promise<void> {
  if (modifiedAt(paths.report) < modifiedAt(paths.result)) await buildReport(paths.directory);
  await rm(paths.checkpoints, { recursive: true, force: true });
}

/** In milliseconds since 1970; 0 where there is no file. */
function modifiedAt(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

async function testDense(context: RunContext): Promise<{ top1: number }> {
  await using open = await openSession(context, null);
  await restoreCheckpoint(context.paths.bestDense, open.session, 'weights');
  return await test(context, 'test: dense reference', open);
}

/** Writes the best weights of the last fine-tuning as model.safetensors. */
async function writeModel(context: RunContext): Promise<void> {
  const { paths, config, images, network } = context;
  const tensors = await readParameters(paths.bestCompressed);
  await writeModelFile(paths.model, {
    spec: network.spec,
    labels: images.dataset.labels,
    tensors,
    provenance: {
      method: 'fine-pruning',
      criterion: config.criterion,
      seed: config.seed,
      split: config.split,
      batchSize: config.batchSize,
      layout: images.dataset.layout,
      // By these `evaluate` knows the same images again.
      parts: images.digests,
    },
  });
}

/** Measures the network as the model file holds it: what is reported is what was written. */
async function testModelFile(
  context: RunContext,
): Promise<{ top1: number; layers: LayerResult[]; fixedParameters: number }> {
  const file = await readModelFile(context.paths.model);
  const session = await createSession(context, file.spec);
  try {
    await session.setTensors({
      role: 'parameter',
      tensors: Object.fromEntries([...file.tensors].map(([name, tensor]) => [name, tensor.data])),
    });
    const images = await session.attachImages(context.images.file);
    const found = await test(context, 'test: compressed', { session, test: { images, ...context.images.test } });
    const layers: LayerResult[] = [];
    for (const parameter of session.describeParameters()) {
      if (!parameter.prunable) continue;
      const data = file.tensors.get(parameter.name)?.data ?? new Float32Array();
      layers.push({ name: parameter.name, count: data.length, kept: countNonZeros(data) });
    }
    return { top1: found.top1, layers, fixedParameters: fixedParametersOf(session) };
  } finally {
    await session.dispose();
  }
}

async function test(
  context: RunContext,
  task: string,
  open: Pick<Awaited<ReturnType<typeof openSession>>, 'session' | 'test'>,
): Promise<{ top1: number }> {
  const meter = new ProgressMeter(task, 'images', open.test.labels.length, context.emit);
  return evaluateSamples(open.session, open.test, {
    batchSize: context.config.batchSize,
    signal: context.signal,
    onProgress: (images) => meter.report(images),
  });
}

function countNonZeros(values: Float32Array): number {
  let count = 0;
  for (const value of values) if (value !== 0) count++;
  return count;
}
