/** The search: every candidate's accuracy and compression. */

import type { EvaluationEvent } from '../run/types.js';
import { alignCurves, type Chart, type Curve } from './chart.js';
import type { RunRecord } from './read-run.js';

interface Candidate extends EvaluationEvent {
  /** Counted over all rounds, from 1. */
  number: number;
}

/** Accuracy and compression over evaluations; none before the first candidate was scored. */
export function searchCharts(run: RunRecord): Chart[] {
  const candidates = run.evaluations.map((evaluation, index) => ({ ...evaluation, number: index + 1 }));
  if (candidates.length === 0) return [];
  const rounds = [...new Set(candidates.map(({ round }) => round))];
  const byRound = (valueOf: (candidate: Candidate) => number): Curve[] =>
    rounds.flatMap((round, place) =>
      [true, false].map((feasible): Curve => ({
        label: `round ${round}${feasible ? '' : ', too inaccurate'}`,
        color: { category: place },
        style: feasible ? 'points' : 'hollow points',
        axis: 'left',
        points: candidates
          .filter((candidate) => candidate.round === round && candidate.feasible === feasible)
          .map((candidate) => ({ x: candidate.number, y: valueOf(candidate) })),
      })),
    );
  const accuracy = alignCurves([...byRound((candidate) => candidate.accuracy), budgetCurve(run, candidates)]);
  const compression = alignCurves(byRound((candidate) => candidate.compression));
  return [
    {
      title: 'Search: accuracy of the candidates',
      note: accuracyNote(run),
      x: { label: 'evaluation', values: accuracy.x, whole: true },
      left: { label: 'tune accuracy', unit: 'share', logarithmic: false },
      right: null,
      series: accuracy.series,
    },
    {
      title: 'Search: compression of the candidates',
      note: 'The same candidates: parameters of the network divided by those kept.',
      x: { label: 'evaluation', values: compression.x, whole: true },
      left: { label: 'compression', unit: 'factor', logarithmic: true },
      right: null,
      series: compression.series,
    },
  ];
}

function accuracyNote({ config }: RunRecord): string {
  const points = 'Each point is one set of thresholds, scored on the tune images without training';
  return config.lambda === null
    ? `${points}; of one that was given up early, an estimate. Hollow: below the accuracy the round allows.`
    : `${points}.`;
}

/** Budget mode: the accuracy a round asks of its candidates, as far as the journal tells it. */
function budgetCurve({ warmup, rounds }: RunRecord, candidates: Candidate[]): Curve {
  const slackOf = new Map(rounds.map(({ round, slack }) => [round, slack]));
  return {
    label: 'accuracy asked for',
    color: { muted: true },
    style: 'dashed',
    axis: 'left',
    points: candidates.flatMap(({ round, number }) => {
      const slack = slackOf.get(round);
      return warmup === undefined || slack === undefined || slack === null
        ? []
        : [{ x: number, y: warmup.tuneAccuracy - slack }];
    }),
  };
}
