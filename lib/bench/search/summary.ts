/** What the searches of all seeds came to, in rows and ratios. */
import { median, rowOf } from '../statistics.js';
import type { BenchRow } from '../types.js';
import type { ReplayedRace } from './race-replay.js';

/** Names of the two contenders that the ratios speak of. */
export const OURS = 'ours';
export const WITHOUT_RACING = 'ours, no racing';

/** What one search of one seed came to; fit for JSON. */
export interface Outcome {
  /** Compression of the smallest network within the limit after each evaluation. */
  trace: number[];
  /** Tune images read. */
  imagesRead: number;
  seconds: number;
  /** Loss of test accuracy of the network found, share; what was allowed was measured on tune. */
  testDrop: number;
  /** What racing on its candidates comes to; null where it raced itself. */
  replay: ReplayedRace | null;
}

/** Compression of the network found; 1 where none was. */
export function compressionOf({ trace }: Outcome): number {
  return trace.at(-1) ?? 1;
}

/** Of each contender: compression after a quarter, half and all of the evaluations, and the test accuracy lost. */
export function rowsOf(outcomes: ReadonlyMap<string, readonly Outcome[]>, evaluations: number): BenchRow[] {
  const rows: BenchRow[] = [];
  for (const [name, found] of outcomes) {
    for (const count of [evaluations >> 2, evaluations >> 1, evaluations]) {
      // A bisection may end before it has used all.
      const values = found.map(({ trace }) => trace[Math.min(count, trace.length) - 1] ?? 1);
      const seconds = count === evaluations ? found.map((outcome) => outcome.seconds) : null;
      rows.push(rowOf(`${name} (${count})`, 'compression', 'high', values, seconds));
    }
    rows.push(
      rowOf(
        `${name}: test accuracy lost`,
        'share',
        'low',
        found.map(({ testDrop }) => testDrop),
      ),
    );
  }
  return rows;
}

/** Racing on the candidates of the searches without it: the share of images read, and the compression chosen of the highest. */
export function replayRowsOf(replays: readonly ReplayedRace[]): BenchRow[] {
  const shares = replays.map(({ share }) => share);
  const choices = replays.map(({ choice }) => choice);
  return [
    rowOf('racing on the same candidates: images read', 'share', 'low', shares),
    rowOf('racing on the same candidates: compression chosen', 'share of the highest', 'high', choices),
  ];
}

/** Compression of ours over each of the others', and what racing reads of the images, seed by seed; medians. */
export function ratiosOf(outcomes: ReadonlyMap<string, readonly Outcome[]>): Record<string, number> {
  const ours = outcomes.get(OURS) ?? [];
  const ratios: Record<string, number> = {};
  for (const [name, found] of outcomes) {
    if (name === OURS) continue;
    ratios[`compression: ours over ${name}`] = median(
      found.map((outcome, index) => compressionOf(ours[index]) / compressionOf(outcome)),
    );
  }
  const unraced = outcomes.get(WITHOUT_RACING) ?? [];
  ratios['images read: racing over no racing'] = median(
    unraced.map(({ imagesRead }, index) => ours[index].imagesRead / imagesRead),
  );
  return ratios;
}
