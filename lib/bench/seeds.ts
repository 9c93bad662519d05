/** Measuring seed by seed, on the main thread, without holding up Ctrl-C. */
import { setImmediate } from 'node:timers/promises';
import { AbortedError } from '../errors.js';

/**
 * What `measure` gives for each seed, in order. The event loop turns between two seeds.
 * @throws AbortedError between two seeds once the signal fired.
 */
export async function measureEach<Result>(
  seeds: readonly number[],
  measure: (seed: number) => Result | Promise<Result>,
  signal: AbortSignal | undefined,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const seed of seeds) {
    await setImmediate();
    if (signal?.aborted) throw new AbortedError(`stopped before seed ${seed}`);
    results.push(await measure(seed));
  }
  return results;
}
