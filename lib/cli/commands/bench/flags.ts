/** Flags that several benchmarks have. */
import { type Flag, integerFlag, switchFlag, textFlag } from '../../flags/flag.js';

/** @param usual repetitions where the flag is not given. */
export function seedsFlag(usual: number): Flag<number> {
  return integerFlag('seeds', `Repetitions, seeded 1 to this; ${usual} if not given`, { min: 1, max: 1000 });
}

export const threadsFlag = integerFlag('threads', 'CPU threads', { min: 1, max: 1024 });

/** Of a benchmark that has a side in Python. */
export const baselineFlags = {
  python: textFlag('python', 'Python with the packages of the baseline; python3 if not given'),
  'without-baseline': switchFlag('without-baseline', 'Measure this package alone'),
};
