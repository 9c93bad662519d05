/** Summaries of repeated measurements. */
import type { BenchRow } from './types.js';

/** The middle value, or the mean of the two in the middle; NaN of none, and where one of them is NaN. */
export function median(values: readonly number[]): number {
  const sorted = sortedOf(values);
  const middle = sorted.length >> 1;
  if (sorted.length === 0 || Number.isNaN(sorted[sorted.length - 1])) return Number.NaN;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** The smallest of `values` that at least `share` of them do not exceed; NaN of none, and where one of them is NaN. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = sortedOf(values);
  if (sorted.length === 0 || Number.isNaN(sorted[sorted.length - 1])) return Number.NaN;
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
}

/** The largest value; NaN of none. Not Math.max(...values), which fails on more than some hundred thousand. */
export function largest(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((most, value) => Math.max(most, value));
}

/** The smallest value; NaN of none. */
export function smallest(values: readonly number[]): number {
  return values.length === 0 ? Number.NaN : values.reduce((least, value) => Math.min(least, value));
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
    worst: better === 'low' ? largest(values) : smallest(values),
    medianSeconds: seconds === null ? null : median(seconds),
    values,
  };
}

/** The row of what could not be measured: without it, a reader would not know that it was tried. */
export function missingRow(name: string, unit: string, reason: string): BenchRow {
  return { name, unit, median: Number.NaN, worst: Number.NaN, medianSeconds: null, values: [], missing: reason };
}

/** Ascending; NaN at the end. */
function sortedOf(values: readonly number[]): Float64Array {
  return Float64Array.from(values).sort();
}
