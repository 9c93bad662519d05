import { AbortedError } from '../errors.js';

/** Throws AbortedError where the signal has fired. */
export function throwIfAborted(signal: AbortSignal | undefined, doing: string): void {
  if (signal?.aborted) throw new AbortedError(`${doing}: stopped on request`, { cause: signal.reason });
}

/**
 * Runs `work` on every value, at most `concurrency` at once, in order of starting. Rejects with the first error, after
 * what was running has ended, so that nothing is left at work behind the caller's back.
 */
export async function forEachParallel<T>(
  values: readonly T[],
  { concurrency, signal, doing }: { concurrency: number; signal: AbortSignal | undefined; doing: string },
  work: (value: T, index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  const lane = async () => {
    while (next < values.length && !failed) {
      try {
        throwIfAborted(signal, doing);
        const index = next++;
        await work(values[index], index);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const lanes = Array.from({ length: Math.max(1, Math.min(concurrency, values.length)) }, lane);
  const results = await Promise.allSettled(lanes);
  const rejected = results.find((result) => result.status === 'rejected');
  if (rejected) throw rejected.reason;
}
