/** How far decoding is, as progress events. */

import { ProgressMeter, type ProgressEvent } from '../progress.js';

/** Task of these events. */
export const DECODING_TASK = 'decoding';

/**
 * What openImageCache tells of its progress, as events whose rate counts only images decoded in this call.
 *
 * @param total images, for the event that is sent at once: until the first call the files are read and hashed
 * @returns for `onProgress`
 */
export function decodingProgress(
  total: number,
  emit: (event: ProgressEvent) => void,
): (progress: { done: number; total: number }) => void {
  new ProgressMeter(DECODING_TASK, 'images', total, emit);
  let meter: ProgressMeter | undefined;
  return (progress) => {
    if (meter === undefined) meter = new ProgressMeter(DECODING_TASK, 'images', progress.total, emit, progress.done);
    else meter.report(progress.done);
  };
}
