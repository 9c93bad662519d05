/** The rounds: what was committed, and what training made of it. */

import { alignCurves, type Chart } from './chart.js';
import type { RunRecord } from './read-run.js';

/** Accuracy, compression and density a layer over the rounds; none before the first round ended. */
export function roundCharts({ warmup, rounds }: RunRecord): Chart[] {
  if (rounds.length === 0) return [];
  const before = warmup === undefined ? [] : [{ x: 0, y: warmup.tuneAccuracy }];
  const progress = alignCurves([
    {
      label: 'tune accuracy',
      color: { category: 0 },
      style: 'line with points',
      axis: 'left',
      points: [...before, ...rounds.map(({ round, tuneAccuracy }) => ({ x: round, y: tuneAccuracy }))],
    },
    {
      label: 'compression',
      color: { category: 1 },
      style: 'line with points',
      axis: 'right',
      points: [{ x: 0, y: 1 }, ...rounds.map(({ round, compression }) => ({ x: round, y: compression }))],
    },
  ]);
  const names = rounds.at(-1)?.layers.map(({ name }) => name) ?? [];
  const density = alignCurves(
    names.map((name, place) => ({
      label: name,
      color: names.length <= 8 ? { category: place } : { ramp: place / (names.length - 1) },
      style: 'line with points' as const,
      axis: 'left' as const,
      points: [
        { x: 0, y: 1 },
        ...rounds.flatMap(({ round, layers }) =>
          layers
            .filter((layer) => layer.name === name && layer.kept > 0)
            .map(({ kept, count }) => ({ x: round, y: kept / count })),
        ),
      ],
    })),
  );
  return [
    {
      title: 'Rounds: accuracy and compression',
      note: "After each round's training under the masks; round 0 is the warm-up, still dense.",
      x: { label: 'round', values: progress.x, whole: true },
      left: { label: 'tune accuracy', unit: 'share', logarithmic: false },
      right: { label: 'compression', unit: 'factor', logarithmic: true },
      series: progress.series,
    },
    {
      title: 'Rounds: share of weights kept, layer by layer',
      note:
        names.length <= 8
          ? 'Biases and normalisation are never pruned.'
          : 'From the first layer (dark) to the last (light). Biases and normalisation are never pruned.',
      x: { label: 'round', values: density.x, whole: true },
      left: { label: 'weights kept', unit: 'share', logarithmic: true },
      right: null,
      series: density.series,
    },
  ];
}
