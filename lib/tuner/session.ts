/** Opens the native session of a run's network with the run's images attached. */
import { type MatchedWeights, type ModelSpec, toGraph, toNormalization } from '../models/index.js';
import type { SampleList, TensorMap } from '../native/addon.js';
import { Session } from '../native/session.js';
import type { Part } from './inputs.js';
import { fixedParametersOf } from './layers.js';
import type { RunContext } from './run-context.js';
import { shuffled } from './shuffle.js';

/** Fresh parameters are drawn from another seed than the order of images. */
const FRESH_SEED_OFFSET = 1;

/** A session with what the loop needs of it; disposed with `await using`. */
export interface OpenSession extends AsyncDisposable {
  session: Session;
  fit: SampleList;
  tune: SampleList;
  /** The tune samples in a seeded order, so that any first part of them has all classes. */
  tuneShuffled: SampleList;
  test: SampleList;
  /** Parameters never pruned. */
  fixedParameters: number;
}

/** What a session is opened from. */
export type SessionContext = Pick<RunContext, 'config' | 'device' | 'network' | 'images'>;

/** Creates the session of a spec, without weights. */
export async function createSession(context: Pick<RunContext, 'config' | 'device'>, spec: ModelSpec): Promise<Session> {
  const { config } = context;
  return Session.create({
    graph: toGraph(spec),
    normalization: toNormalization(spec),
    device: context.device,
    threads: config.threads,
    precision: config.precision,
    seed: config.seed,
  });
}

/**
 * Opens a session for the run.
 * @param weights what to start from; null where a checkpoint follows.
 */
export async function openSession(context: SessionContext, weights: MatchedWeights | null): Promise<OpenSession> {
  const { images, config } = context;
  const session = await createSession(context, context.network.spec);
  try {
    if (weights !== null) await loadStartingWeights(session, weights, config.seed + FRESH_SEED_OFFSET);
    const attached = await session.attachImages(images.file);
    const samples = (part: Part): SampleList => ({ images: attached, ...part });
    if (weights !== null && weights.fresh.length > 0) {
      await session.calibrateParameters({
        names: weights.fresh,
        samples: samples(images.fit),
        batchSize: config.batchSize,
      });
    }
    return {
      session,
      fit: samples(images.fit),
      tune: samples(images.tune),
      tuneShuffled: samples(shuffled(images.tune, config.seed)),
      test: samples(images.test),
      fixedParameters: fixedParametersOf(session),
      [Symbol.asyncDispose]: () => session.dispose(),
    };
  } catch (error) {
    await session.dispose();
    throw error;
  }
}

/** Writes pre-trained tensors, honours their masks, and draws the rest from the seed. */
async function loadStartingWeights(session: Session, weights: MatchedWeights, seed: number): Promise<void> {
  if (weights.fresh.length > 0) await session.initializeParameters({ names: weights.fresh, seed });
  const parameters: TensorMap = {};
  const masks: TensorMap = {};
  const prunable = new Set(session.describeParameters().flatMap((item) => (item.prunable ? [item.name] : [])));
  for (const [name, tensor] of weights.tensors) {
    parameters[name] = tensor.data;
    if (tensor.mask !== undefined && prunable.has(name)) masks[name] = tensor.mask;
  }
  await session.setTensors({ role: 'parameter', tensors: parameters });
  if (Object.keys(masks).length > 0) await session.setTensors({ role: 'mask', tensors: masks });
}
