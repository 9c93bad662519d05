/** The training curves of the compressed network and of the dense reference. */

import type { FinetuneEvent } from '../run/types.js';
import { alignCurves, type Chart, type Curve } from './chart.js';
import type { Metric, RunRecord } from './read-run.js';

/** A curve is drawn with about this many places: more cannot be told apart on a page. */
const PLACES = 400;

/** Loss and accuracy of training, and accuracy on tune during the last fine-tuning. */
export function trainingCharts({ metrics, finetune }: RunRecord): Chart[] {
  return [...metricCharts(metrics), ...finetuneCharts(finetune)];
}

function metricCharts(metrics: readonly Metric[]): Chart[] {
  if (metrics.length === 0) return [];
  const compressed = metrics.filter(({ phase }) => phase !== 'dense');
  const dense = metrics.filter(({ phase }) => phase === 'dense');
  const curves = (valueOf: (metric: Metric) => number | null): Curve[] => [
    {
      label: 'compressed',
      color: { category: 0 },
      style: 'line',
      axis: 'left',
      points: meanPoints(compressed, valueOf),
    },
    {
      label: 'dense reference',
      color: { category: 1 },
      style: 'line',
      axis: 'left',
      points: meanPoints(dense, valueOf),
    },
  ];
  const loss = alignCurves(curves((metric) => metric.loss));
  const accuracy = alignCurves(curves((metric) => metric.accuracy));
  const x = (values: number[]): Chart['x'] => ({ label: 'training step', values, whole: true });
  return [
    {
      title: 'Training: loss',
      note: 'Warm-up, masked rounds and fine-tuning in a row, on augmented images with dropout; means of neighbouring steps.',
      x: x(loss.x),
      left: {
        label: 'loss',
        unit: 'number',
        logarithmic: loss.series.every(({ values }) => values.every((value) => value === null || value > 0)),
      },
      right: null,
      series: loss.series,
    },
    {
      title: 'Training: accuracy',
      note: 'Of the same steps, on the images being trained on.',
      x: x(accuracy.x),
      left: { label: 'train accuracy', unit: 'share', logarithmic: false },
      right: null,
      series: accuracy.series,
    },
  ];
}

function finetuneCharts(events: readonly FinetuneEvent[]): Chart[] {
  if (events.length === 0) return [];
  const curve = (phase: FinetuneEvent['phase'], label: string, category: number): Curve => ({
    label,
    color: { category },
    style: 'line with points',
    axis: 'left',
    points: events
      .filter((event) => event.phase === phase)
      .map(({ step, tuneAccuracy }) => ({ x: step, y: tuneAccuracy })),
  });
  const { x, series } = alignCurves([curve('compressed', 'compressed', 0), curve('dense', 'dense reference', 1)]);
  return [
    {
      title: 'Last fine-tuning: accuracy on the tune images',
      note: 'Measured on the test images are, of each curve, the weights of the lowest loss within a standard error of its highest accuracy.',
      x: { label: 'step of its fine-tuning', values: x, whole: true },
      left: { label: 'tune accuracy', unit: 'share', logarithmic: false },
      right: null,
      series,
    },
  ];
}

/** Means over equal runs of entries, at the last step of each. */
function meanPoints(
  metrics: readonly Metric[],
  valueOf: (metric: Metric) => number | null,
): { x: number; y: number }[] {
  const run = Math.max(1, Math.ceil(metrics.length / PLACES));
  const points: { x: number; y: number }[] = [];
  for (let start = 0; start < metrics.length; start += run) {
    const group = metrics.slice(start, start + run);
    const y = group.reduce((sum, metric) => sum + numberOrNaN(valueOf(metric)), 0) / group.length;
    points.push({ x: group.at(-1)?.step ?? 0, y });
  }
  return points;
}

/** JSON has null for NaN and infinities, which would count as 0. */
function numberOrNaN(value: number | null): number {
  return value ?? Number.NaN;
}
