import { describe, expect, it } from 'vitest';
import { measureEach } from '../../../lib/bench/seeds.js';
import { AbortedError } from '../../../lib/errors.js';

describe('measureEach', () => {
  it('gives one result a seed, in order', async () => {
    expect(await measureEach([3, 1, 2], (seed) => 10 * seed, undefined)).toEqual([30, 10, 20]);
  });

  it('lets the event loop turn between two seeds, so that an interrupt gets through to synchronous work', async () => {
    const controller = new AbortController();
    const measured: number[] = [];
    const work = measureEach(
      [1, 2, 3, 4],
      (seed) => {
        measured.push(seed);
        // What the listener of Ctrl-C is: something that runs only when the event loop turns.
        if (seed === 2) setImmediate(() => controller.abort());
        return seed;
      },
      controller.signal,
    );
    await expect(work).rejects.toThrow(AbortedError);
    expect(measured.length).toBeLessThan(4);
  });
});
