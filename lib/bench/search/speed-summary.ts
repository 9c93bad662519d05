/** What the turns of `bench search --parts speed` came to, in rows and ratios. */
import { largest, median, missingRow, rowOf } from '../statistics.js';
import type { BenchRow } from '../types.js';

/** Ways to score a candidate in PyTorch, as test/bench/search/candidate_speed.py names them. */
export const VARIANTS = ['idiomatic', 'channels-last', 'tuned', 'compiled'] as const;
export type Variant = (typeof VARIANTS)[number];

/** What this package found in a turn. */
export interface Turn {
  /** A candidate, mean of the turn. */
  seconds: number;
  errors: number[];
}

/** What PyTorch found in one. */
export interface PyTorchTurn {
  /** Of each candidate. */
  seconds: number[];
  errors: number[];
  peakBytes: number;
}

/** Everything measured in one run. */
export interface SpeedMeasurements {
  ours: readonly Turn[];
  theirs: ReadonlyMap<Variant, readonly PyTorchTurn[]>;
  /** Of ours. */
  peakBytes: number;
  /** In one line, why a variant was left out. */
  missing: ReadonlyMap<Variant, string>;
}

const MEBIBYTE = 2 ** 20;

/** Candidates a second and peak memory of each side; of what was left out, a row that says why. */
export function rowsOf({ ours, theirs, peakBytes, missing }: SpeedMeasurements): BenchRow[] {
  const rows: BenchRow[] = [];
  const add = (name: string, seconds: number[], peak: number): void => {
    const perSecond = seconds.map((value) => 1 / value);
    rows.push(rowOf(scored(name), 'a second', 'high', perSecond, seconds));
    rows.push(rowOf(`${name}: peak memory while scoring`, 'MiB', 'low', [peak / MEBIBYTE]));
  };
  add(
    'ours',
    ours.map(({ seconds }) => seconds),
    peakBytes,
  );
  for (const [variant, turns] of theirs) {
    add(`PyTorch, ${variant}`, turns.map(meanSeconds), largest(turns.map((turn) => turn.peakBytes)));
  }
  for (const [variant, reason] of missing) rows.push(missingRow(scored(`PyTorch, ${variant}`), 'a second', reason));
  return rows;
}

/** PyTorch's time over ours, turn by turn, medians; `best PyTorch` is the variant whose median is the shortest. */
export function ratiosOf(ours: SpeedMeasurements['ours'], theirs: SpeedMeasurements['theirs']): Record<string, number> {
  const ratios: Record<string, number> = {};
  let best = { seconds: Infinity, over: 0 };
  for (const [variant, turns] of theirs) {
    const seconds = turns.map(meanSeconds);
    const over = median(seconds.map((value, round) => value / ours[round].seconds));
    ratios[`candidates a second: ours over PyTorch, ${variant}`] = over;
    if (median(seconds) < best.seconds) best = { seconds: median(seconds), over };
  }
  if (theirs.size > 0) ratios['candidates a second: ours over best PyTorch'] = best.over;
  return ratios;
}

function scored(name: string): string {
  return `${name}: candidates scored`;
}

function meanSeconds({ seconds }: PyTorchTurn): number {
  return seconds.reduce((sum, value) => sum + value, 0) / seconds.length;
}
