/** What one whole tuning came to, on either side. */
import type { TuneConfig } from '../../run/types.js';

/** Ways to write it in PyTorch, as test/bench/tune/models.py names them. */
export const TUNE_VARIANTS = ['idiomatic', 'tuned'] as const;
export type TuneVariant = (typeof TUNE_VARIANTS)[number];

/** Of the tuning's configuration, what a caller may set; the rest are the tuner's defaults. Data, model and weights must be there. */
export type TuneTask = Partial<Omit<TuneConfig, 'seed' | 'out' | 'lambda'>> &
  Pick<TuneConfig, 'model'> & { data: string; weights: string };

/** One finished tuning. */
export interface TuneOutcome {
  accuracy: { dense: number; compressed: number };
  compression: number;
  /** `total` is that of the whole process, from start to exit. */
  seconds: { decode: number; search: number; train: number; total: number };
  peakRssBytes: number;
}
