/** What the seeds of `bench tune` came to, in rows and ratios. */
import { median, rowOf } from '../statistics.js';
import type { BenchRow } from '../types.js';
import type { TuneOutcome } from './types.js';

export const OURS = 'ours';

const MEBIBYTE = 2 ** 20;

/** What the seeds came to, by side, in the order of the seeds; null where a run failed. */
export type Outcomes = Map<string, (TuneOutcome | null)[]>;

/** Of each side, one value a seed that did not fail: seconds by part, accuracies on the test images, compression, peak memory. */
export function rowsOf(outcomes: Outcomes): BenchRow[] {
  const rows: BenchRow[] = [];
  for (const [side, all] of outcomes) {
    const found = all.filter((outcome) => outcome !== null);
    if (found.length === 0) continue;
    const add = (
      what: string,
      unit: string,
      better: 'low' | 'high',
      valueOf: (outcome: TuneOutcome) => number,
    ): void => {
      const values = found.map(valueOf);
      rows.push(rowOf(`${side}: ${what}`, unit, better, values, unit === 'seconds' ? values : null));
    };
    add('whole run', 'seconds', 'low', ({ seconds }) => seconds.total);
    for (const part of ['decode', 'search', 'train'] as const)
      add(part, 'seconds', 'low', ({ seconds }) => seconds[part]);
    add('dense accuracy', 'share', 'high', ({ accuracy }) => accuracy.dense);
    add('compressed accuracy', 'share', 'high', ({ accuracy }) => accuracy.compressed);
    add('compression', 'times', 'high', ({ compression }) => compression);
    add('peak memory', 'MiB', 'low', ({ peakRssBytes }) => peakRssBytes / MEBIBYTE);
  }
  return rows;
}

/** Ours and each other side's, seed by seed where neither failed, medians; accuracies as differences in shares. */
export function ratiosOf(outcomes: Outcomes): Record<string, number> {
  const ours = outcomes.get(OURS) ?? [];
  const ratios: Record<string, number> = {};
  for (const [side, found] of outcomes) {
    const pairs = found.flatMap((theirs, index) => {
      const own = ours[index];
      return theirs === null || own === null ? [] : [{ theirs, own }];
    });
    if (side === OURS || pairs.length === 0) continue;
    const paired = (valueOf: (theirs: TuneOutcome, own: TuneOutcome) => number): number =>
      median(pairs.map(({ theirs, own }) => valueOf(theirs, own)));
    ratios[`seconds: ${side} over ours`] = paired((theirs, own) => theirs.seconds.total / own.seconds.total);
    ratios[`peak memory: ours over ${side}`] = paired((theirs, own) => own.peakRssBytes / theirs.peakRssBytes);
    ratios[`compression: ours over ${side}`] = paired((theirs, own) => own.compression / theirs.compression);
    ratios[`compressed accuracy: ours less ${side}`] = paired(
      (theirs, own) => own.accuracy.compressed - theirs.accuracy.compressed,
    );
  }
  return ratios;
}
