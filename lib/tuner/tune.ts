/** Starting and continuing a run. */
import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { keepInUse } from '../data/index.js';
import { abortSignal, checkArgument, checkFields, path, type Rules } from '../arguments.js';
import { demoAssets } from '../demo/index.js';
import { InternalError, RunError, UsageError, messageOf } from '../errors.js';
import { readCheckpointProgress } from './checkpoint.js';
import { checkOptions, completeConfig, missingFields } from './config.js';
import { resolveDevice } from '../native/device.js';
import { loadAddon } from '../native/load.js';
import { requirePrecision, usedPrecision } from '../native/precision.js';
import { EventChannel } from './event-channel.js';
import { closeRun } from './finish.js';
import { type RunImages, type RunNetwork, dataEvent, freshNodesOf, readInputs } from './inputs.js';
import { JsonLinesFile } from '../run/json-lines.js';
import { writeJson } from '../run/json-file.js';
import { TuneLoop } from './loop.js';
import { ProgressMeter } from '../progress.js';
import { RunContext } from './run-context.js';
import { type RunPaths, createRunDirectory, nextRunDirectory, openRunDirectory } from '../run/run-directory.js';
import { checkStanding, isOfStage, newStanding } from './standing.js';
import type { EvaluationEvent, TuneConfig, TuneEvent, TuneOptions, TuneResult } from '../run/types.js';

/**
 * A run under way: iterate it for its events, await `result` for its end. Events are read once, by one loop at a time: a
 * second loop beside it throws a UsageError, and one that comes after it goes on with what is unread.
 */
export interface TuneRun extends AsyncIterable<TuneEvent> {
  readonly result: Promise<TuneResult>;
}

/** Options of `resume`. */
export interface ResumeOptions {
  signal?: AbortSignal | undefined;
}

const RESUME_RULES: Rules<ResumeOptions> = { signal: abortSignal };

/** Where runs go when nobody says. */
const RUNS_DIRECTORY = 'finepune-runs';

/**
 * Fine-prunes a network on a folder of images (METHOD.md section 1). Without `data`, `model` and `weights` it runs the demo.
 * The work starts at once; events wait for a reader.
 *
 * @throws (through `result` and the iteration) UsageError, DataError, ImageError, WeightsError, SpecError, DeviceError, RunError,
 * FileError, NumericsError; AbortedError after a checkpoint when `signal` fires.
 * @example
 * const run = tune({ data: 'photos', model: 'alexnet', weights: 'alexnet.pth', out: 'run', maxDrop: 0.005 });
 * for await (const event of run) if (event.event === 'round') console.log(event.compression);
 * const { parameters } = await run.result;
 */
export function tune(options: TuneOptions = {}): TuneRun {
  return start((emit) => runNew(options, emit));
}

/**
 * Continues an interrupted run. On the CPU, with the same number of threads, it ends with the numbers of a run never interrupted.
 * @throws (through `result` and the iteration) as `tune`; RunError where the folder holds no unfinished run or another process has it.
 */
export function resume(run: string, options: ResumeOptions = {}): TuneRun {
  return start((emit) => runAgain(run, options, emit));
}

type Emit = (event: TuneEvent) => void;

function start(work: (emit: Emit) => Promise<TuneResult>): TuneRun {
  const channel = new EventChannel();
  const result = work((event) => channel.push(event)).then(
    (value) => {
      channel.close();
      return value;
    },
    (error: unknown) => {
      channel.close(error instanceof Error ? error : new InternalError(messageOf(error)));
      throw error;
    },
  );
  // Whoever only iterates meets the error there; it must not count as unhandled here.
  result.catch(() => {});
  return { result, [Symbol.asyncIterator]: () => channel[Symbol.asyncIterator]() };
}

async function runNew(options: TuneOptions, emit: Emit): Promise<TuneResult> {
  const startedAt = performance.now();
  checkOptions(options);
  const device = resolveDevice(options.device ?? 'auto');
  requirePrecision(options.precision ?? 'fp32', device);
  const demo = options.data == null;
  const out = resolve(options.out ?? nextRunDirectory(RUNS_DIRECTORY, runName(options)));
  const { paths, lock, abandon } = createRunDirectory(out);
  let begun = false;
  try {
    const inputs = await locateInputs(options, emit);
    // The configuration is complete only when the number of fit images is known; what reads them needs little of it.
    const provisional = completeConfig({ ...options, ...inputs, out }, { fitImages: 1, freshShare: 0, demo });
    const { images, network } = await readInputs({ ...provisional, ...inputs }, emit, options.signal);
    const config: TuneConfig = {
      ...completeConfig(
        { ...options, ...inputs, out },
        { fitImages: images.fit.labels.length, freshShare: network.freshShare, demo },
      ),
      data: demo ? null : inputs.data,
      weights: demo ? null : inputs.weights,
      device,
    };
    await writeJson(paths.config, config);
    begun = true;
    return await runLoop({ config, paths, images, network, emit, signal: options.signal, startedAt, resumed: false });
  } finally {
    if (begun) lock.release();
    else abandon();
  }
}

async function runAgain(run: string, options: ResumeOptions, emit: Emit): Promise<TuneResult> {
  const startedAt = performance.now();
  checkArgument('run', run, path);
  checkFields('resume', options, RESUME_RULES);
  const { paths, lock } = openRunDirectory(run);
  try {
    const config = readConfig(paths);
    const finished = readResult(paths);
    if (finished !== null) {
      await closeRun(paths);
      emit({ event: 'done', ...finished });
      return finished;
    }
    const device = resolveDevice(config.device);
    const inputs = await locateInputs(config, emit);
    const { images, network } = await readInputs({ ...config, ...inputs }, emit, options.signal);
    return await runLoop({
      config: { ...config, device },
      paths,
      images,
      network,
      emit,
      signal: options.signal,
      startedAt,
      resumed: true,
    });
  } finally {
    lock.release();
  }
}

interface LoopInputs {
  config: TuneConfig;
  paths: RunPaths;
  images: RunImages;
  network: RunNetwork;
  emit: Emit;
  signal: AbortSignal | undefined;
  /** When the work began: milliseconds of performance.now(). */
  startedAt: number;
  resumed: boolean;
}

async function runLoop(inputs: LoopInputs): Promise<TuneResult> {
  const { config, paths, images, network, emit, resumed } = inputs;
  const progress = resumed ? await readCheckpointProgress(paths.checkpoint) : null;
  const standing =
    progress === null
      ? newStanding(images.identity, freshNodesOf(network))
      : checkStanding(progress, images.identity, paths.checkpoint);
  // The report at the end reads all of them: whatever is damaged is better known before the work.
  JsonLinesFile.read(paths.journal);
  JsonLinesFile.read(paths.metrics);
  // Of later rounds only where training was the same to the last bit, which a GPU's need not be.
  const replay = JsonLinesFile.read(paths.journal, standing.journalBytes).filter(
    (line): line is Record<string, unknown> & EvaluationEvent => isEvaluation(line) && isOfStage(line, standing),
  );
  using _imagesInUse = keepInUse(images.file.path);
  using journal = new JsonLinesFile(paths.journal, standing.journalBytes);
  using metrics = new JsonLinesFile(paths.metrics, standing.metricsBytes);
  const context = new RunContext({ ...inputs, device: config.device, journal, metrics, standing, replay });
  standing.seconds.decode += images.seconds;
  const started: TuneEvent = {
    event: 'start',
    run: paths.directory,
    resumed,
    model: network.spec.name,
    device: config.device,
    threads: config.threads,
    seed: config.seed,
    precision: {
      asked: config.precision,
      used: usedPrecision(config.precision, config.device, loadAddon().info()),
    },
    parameters: network.parameters,
  };
  if (progress === null) {
    context.record(started);
    context.record(dataEvent(images));
  } else {
    emit(started);
    emit(dataEvent(images));
  }
  return await new TuneLoop(context).run();
}

function isEvaluation(line: Record<string, unknown>): line is Record<string, unknown> & EvaluationEvent {
  return line.event === 'evaluation';
}

/** The caller's files, or the demo's, drawn where they are not there yet. */
async function locateInputs(
  options: TuneOptions,
  emit: Emit,
): Promise<{ data: string; model: string; weights: string }> {
  if (options.data != null && options.model !== undefined && options.weights != null) {
    const model = options.model.endsWith('.json') ? resolve(options.model) : options.model;
    return { data: resolve(options.data), model, weights: resolve(options.weights) };
  }
  let meter: ProgressMeter | null = null;
  const assets = await demoAssets({
    signal: options.signal,
    onProgress: ({ done, total }) => {
      meter ??= new ProgressMeter('drawing the demo images', 'images', total, emit);
      meter.report(done);
    },
  });
  return { data: assets.dataDirectory, model: assets.model, weights: assets.weights };
}

function runName(options: TuneOptions): string {
  if (options.data == null) return 'demo';
  return `${basename(options.model ?? 'model', '.json')}-${basename(resolve(options.data))}`;
}

function readConfig(paths: RunPaths): TuneConfig {
  try {
    const config = JSON.parse(readFileSync(paths.config, 'utf8')) as TuneConfig;
    const missing = missingFields(config);
    if (missing.length > 0) {
      throw new RunError(
        `${paths.config} lacks ${missing.join(', ')}: another version wrote it; start the run again in another folder`,
      );
    }
    checkOptions({
      ...config,
      maxDrop: config.maxDrop ?? undefined,
      lambda: config.lambda ?? undefined,
    });
    return config;
  } catch (error) {
    if (error instanceof RunError) throw error;
    if (error instanceof UsageError) throw new RunError(`${paths.config}: ${error.message}`, { cause: error });
    throw new RunError(`${paths.config} cannot be read: ${messageOf(error)}; start the run again in another folder`, {
      cause: error,
    });
  }
}

function readResult(paths: RunPaths): TuneResult | null {
  try {
    return JSON.parse(readFileSync(paths.result, 'utf8')) as TuneResult;
  } catch {
    return null;
  }
}
