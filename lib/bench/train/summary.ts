/** What the turns of `bench train` came to, in rows and ratios. */
import type { ModelSpec } from '../../models/index.js';
import { largest, median, missingRow, rowOf } from '../statistics.js';
import type { BenchRow } from '../types.js';
import { floorSeconds, layerWork, stepBytes, stepFlops } from './floor.js';
import type { OurTurn } from './ours.js';
import type { PyTorchTurn } from './pytorch.js';
import type { TrainVariant } from './variants.js';

/** Everything measured in one run. */
export interface TrainMeasurements {
  batchSize: number;
  /** One a round. */
  ours: OurTurn[];
  /** One a round each, in the order measured. */
  variants: Map<TrainVariant, PyTorchTurn[]>;
  /** Of ours. */
  peakBytes: number;
  /** What the floor is computed from; null where the rates were not measured. */
  floor: { spec: ModelSpec; rates: { arithmetic: number; copy: number } } | null;
}

const MEBIBYTE = 2 ** 20;

/** Seconds a step of everybody and of the floor, images a second, waiting, peak memory, rates. */
export function rowsOf(measured: TrainMeasurements): BenchRow[] {
  const { ours, variants, floor, batchSize } = measured;
  const rows: BenchRow[] = [];
  const timed = (name: string, seconds: number[]): void => {
    rows.push(rowOf(`${name}: a step`, 'seconds', 'low', seconds, seconds));
    rows.push(
      rowOf(
        `${name}: speed`,
        'images/s',
        'high',
        seconds.map((value) => batchSize / value),
      ),
    );
  };
  timed(
    'ours',
    ours.map(({ seconds }) => seconds),
  );
  rows.push(
    rowOf(
      'ours: waiting for images',
      'share',
      'low',
      ours.map(({ waiting }) => waiting),
    ),
  );
  rows.push(rowOf('ours: peak memory', 'MiB', 'low', [measured.peakBytes / MEBIBYTE]));
  for (const [variant, turns] of variants) {
    timed(
      `PyTorch, ${variant}`,
      turns.map(({ seconds }) => seconds),
    );
    const peak = largest(turns.map(({ peakBytes }) => peakBytes));
    rows.push(rowOf(`PyTorch, ${variant}: peak memory`, 'MiB', 'low', [peak / MEBIBYTE]));
  }
  const seconds = floorOf(measured);
  if (floor !== null && seconds !== null) {
    rows.push(rowOf('arithmetic, best layer', 'GFLOP/s', 'high', [floor.rates.arithmetic / 1e9]));
    rows.push(rowOf('copying', 'GB/s', 'high', [floor.rates.copy / 1e9]));
    rows.push(rowOf('floor: a step', 'seconds', 'low', [seconds], [seconds]));
    rows.push(
      rowOf(
        'ours: fraction of the floor',
        'share',
        'high',
        ours.map((turn) => seconds / turn.seconds),
      ),
    );
  }
  return rows;
}

/** Of each variant that was asked for and left out, with the reason. */
export function missingRowsOf(missing: ReadonlyMap<TrainVariant, string>): BenchRow[] {
  return [...missing].map(([variant, reason]) => missingRow(`PyTorch, ${variant}: a step`, 'seconds', reason));
}

/**
 * Times over ours, turn by turn, medians; `best PyTorch` is the variant whose median step is the shortest. And ours over the floor.
 */
export function ratiosOf(measured: TrainMeasurements): Record<string, number> {
  const { ours, variants } = measured;
  const ratios: Record<string, number> = {};
  let best: { over: number; seconds: number; peakBytes: number } | null = null;
  for (const [variant, turns] of variants) {
    const over = median(turns.map(({ seconds }, round) => seconds / ours[round].seconds));
    const seconds = median(turns.map((turn) => turn.seconds));
    ratios[`PyTorch, ${variant} over ours`] = over;
    if (best === null || seconds < best.seconds) {
      best = { over, seconds, peakBytes: largest(turns.map(({ peakBytes }) => peakBytes)) };
    }
  }
  if (best !== null) {
    ratios['best PyTorch over ours'] = best.over;
    ratios['peak memory: ours over best PyTorch'] = measured.peakBytes / best.peakBytes;
  }
  const floor = floorOf(measured);
  if (floor !== null) ratios['ours over the floor'] = median(ours.map(({ seconds }) => seconds)) / floor;
  return ratios;
}

function floorOf({ floor, batchSize }: TrainMeasurements): number | null {
  if (floor === null) return null;
  return floorSeconds(stepFlops(layerWork(floor.spec, batchSize)), stepBytes(floor.spec), floor.rates);
}
