/** Contenders measured in turn, round by round. */

import { setTimeout as sleep } from 'node:timers/promises';
import { Random } from '../../bayes/rng.js';
import { AbortedError } from '../../errors.js';
import type { ModelSpec } from '../../models/index.js';
import { randomOrder } from '../../tuner/shuffle.js';
import type { Contender } from './contenders.js';

export interface RaceOptions {
  batch: number;
  /** Fewest rounds. */
  rounds: number;
  signal?: AbortSignal | undefined;
}

/** A race goes on until this is used up. */
const SECONDS_EACH = 0.5;
/** Longer than the threads of the one before keep spinning for more work. */
const REST_MS = 30;
/** A turn: one batch to wake up, then as many as fit here, but no more than `MOST`: of microseconds, few say little. */
const TURN_MS = 40;
const MOST = 100;

/**
 * Milliseconds a batch by contender's name.
 *
 * @throws AbortedError
 */
export async function race(
  contenders: readonly Contender[],
  spec: ModelSpec,
  { batch, rounds, signal }: RaceOptions,
): Promise<Map<string, number[]>> {
  const { channels, size } = spec.input;
  const random = new Random(7);
  const input = Float32Array.from({ length: batch * channels * size * size }, () => random.uniform() - 0.5);
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]));
  const begin = performance.now();
  for (
    let round = 0;
    round < rounds || performance.now() - begin < SECONDS_EACH * 1000 * contenders.length;
    round += 1
  ) {
    // Each round in another order: who comes behind whose caches and threads is no merit.
    for (const place of randomOrder(contenders.length, round)) {
      const contender = contenders[place];
      if (signal?.aborted) throw new AbortedError('stopped while measuring', { cause: signal.reason });
      await sleep(REST_MS);
      await contender.run(input, [batch, channels, size, size]);
      const turn = performance.now();
      for (let i = 0; i < MOST && (i === 0 || performance.now() - turn < TURN_MS); i += 1) {
        const start = performance.now();
        await contender.run(input, [batch, channels, size, size]);
        times.get(contender.name)?.push(performance.now() - start);
      }
    }
  }
  return times;
}
