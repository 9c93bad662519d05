/** Summaries of repeated measurements. */
import type { BenchRow } from './types.js';

/** The middle value, or the mean of the two in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest of `values` that at least `share` of them do not exceed; NaN of none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

/** A row from its values; `better` says which end of them is the good one. */
export function rowOf(
  name: string,
  unit: string,
  better: 'low' | 'high',
  values: number[],
  seconds: readonly number[] | null = null,
): BenchRow {
  return {
    name,
    unit,
    median: median(values),
    worst: better === 'low' ? Math.max(...values) : Math.min(...values),
    medianSeconds: seconds === null ? null : median(seconds),
    values,
  };
}
