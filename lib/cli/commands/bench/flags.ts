/** Flags that several benchmarks have. */
import { availableParallelism } from 'node:os';
import { choiceFlag, deviceFlag, type Flag, integerFlag, switchFlag, textFlag } from '../../flags/flag.js';
import { rangeOf } from '../../flags/setting-range.js';

/** @param usual repetitions where the flag is not given. */
export function seedsFlag(usual: number): Flag<number> {
  return integerFlag('seeds', `Repetitions, seeded 1 to this; ${usual} if not given`, { min: 1, max: 1000 });
}

export const threadsFlag = integerFlag('threads', 'CPU threads', rangeOf('threads'));

/** Threads of both sides where --threads is not given. */
export const usualThreads = availableParallelism();

/** Of a benchmark that has a side in Python. */
export const baselineFlags = {
  python: textFlag('python', 'Python with the packages of the baseline; python3 if not given'),
  'without-baseline': switchFlag('without-baseline', 'Measure this package alone'),
};

/** The baseline's Python, or null for none. */
export function pythonOf(given: { python?: string; 'without-baseline'?: boolean }): string | null {
  return given['without-baseline'] === true ? null : (given.python ?? 'python3');
}

/** Which network on which images. */
export const taskFlags = {
  model: textFlag('model', 'Network: a name in models/ or the path of a spec'),
  weights: textFlag('weights', 'Its pre-trained weights'),
  partial: switchFlag('partial', 'Let parameters that the weight file lacks start fresh'),
  data: textFlag('data', 'Folder of labelled images, in the layouts of tune'),
  split: integerFlag('split', 'Official split', rangeOf('split')),
};

export const USUAL_BATCH = 32;

export const batchFlag = integerFlag('batch', `Images at a time; ${USUAL_BATCH} if not given`, rangeOf('batchSize'));

export const precisionFlag = choiceFlag('precision', 'Arithmetic of both sides; fp32 if not given', [
  'fp32',
  'tf32',
  'bf16',
]);

/** Where both sides compute if --device is not given. */
export const USUAL_DEVICE = 'cpu';

export const benchDeviceFlag: Flag<string> = {
  ...deviceFlag(),
  describe: 'Where both sides compute: auto, cpu or cuda:N; cpu if not given',
};
