/** Accuracy of a session on many images, in slices, so that progress and cancellation happen in between. */
import { AbortedError } from '../errors.js';
import type { SampleList } from './addon.js';
import type { Session } from './session.js';

/** Batches a slice: the batches, and so the numbers, do not depend on how often somebody looks. */
const BATCHES_PER_SLICE = 8;

/** What an evaluation found, over the images seen. */
export interface Evaluation {
  images: number;
  /** Shares of images whose class is first, or among the first five. */
  top1: number;
  top5: number;
  /** Mean cross-entropy. */
  loss: number;
  /** Class predicted for each image, in order. */
  predicted: Int32Array;
  seconds: number;
}

export interface EvaluationOptions {
  batchSize: number;
  signal?: AbortSignal | undefined;
  onProgress?: ((images: number) => void) | undefined;
  /** Batches a slice; fewer where somebody wants to stop early. */
  batchesPerSlice?: number | undefined;
  /** Asked after each slice but the last with the classes predicted so far; true ends the evaluation early. */
  stopEarly?: ((predicted: Int32Array) => boolean) | undefined;
}

/**
 * Evaluates the session's network, as its parameters are now, on the samples in their order.
 * @throws AbortedError when the signal fires between or inside slices.
 */
export async function evaluateSamples(
  session: Session,
  samples: SampleList,
  options: EvaluationOptions,
): Promise<Evaluation> {
  const { batchSize, signal } = options;
  const sliceLength = batchSize * (options.batchesPerSlice ?? BATCHES_PER_SLICE);
  const total = samples.labels.length;
  const predicted = new Int32Array(total);
  let images = 0;
  let top1 = 0;
  let top5 = 0;
  let loss = 0;
  let seconds = 0;
  while (images < total) {
    if (signal?.aborted) throw new AbortedError('stopped while evaluating');
    const end = Math.min(total, images + sliceLength);
    const slice = { ...samples, records: samples.records.slice(images, end), labels: samples.labels.slice(images, end) };
    const result = await session.evaluate({ samples: slice, batchSize }, { signal });
    predicted.set(result.predicted, images);
    // Counts are whole numbers: rounding undoes the division, so that sums over slices are exact.
    top1 += Math.round(result.top1 * result.images);
    top5 += Math.round(result.top5 * result.images);
    loss += result.loss * result.images;
    seconds += result.seconds;
    images = end;
    options.onProgress?.(images);
    if (images < total && options.stopEarly?.(predicted.subarray(0, images))) break;
  }
  return {
    images,
    top1: images === 0 ? 0 : top1 / images,
    top5: images === 0 ? 0 : top5 / images,
    loss: images === 0 ? 0 : loss / images,
    predicted: predicted.subarray(0, images),
    seconds,
  };
}
