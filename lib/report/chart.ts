/** A chart as data: built here, drawn in the browser by client-script.ts. */

/** Colour by place: one of a few told apart at a glance, or a place on a ramp from the first layer (0) to the last (1). */
export type ChartColor = { category: number } | { ramp: number } | { muted: true };

export interface ChartSeries {
  label: string;
  /** One a place of the chart's x from `first` on; null where there is nothing to draw, which is so at all other places. */
  values: (number | null)[];
  first: number;
  color: ChartColor;
  style: 'line' | 'dashed' | 'points' | 'hollow points' | 'line with points';
  axis: 'left' | 'right';
}

/** How an axis counts. 'share' is drawn as per cent, 'factor' as 12x. */
export interface ChartAxis {
  label: string;
  unit: 'share' | 'factor' | 'number';
  logarithmic: boolean;
}

export interface Chart {
  title: string;
  /** What to see in it, one sentence. */
  note: string;
  x: { label: string; values: number[]; whole: boolean };
  left: ChartAxis;
  right: ChartAxis | null;
  series: ChartSeries[];
}

/** One series before it shares an x with others. */
export interface Curve extends Omit<ChartSeries, 'values' | 'first'> {
  points: { x: number; y: number }[];
}

/** Puts curves with places of their own onto one common, ascending x. What is not finite is left out, as are empty curves. */
export function alignCurves(curves: readonly Curve[]): { x: number[]; series: ChartSeries[] } {
  const drawn = curves
    .map((curve) => ({ ...curve, points: curve.points.filter(({ y }) => Number.isFinite(y)) }))
    .filter(({ points }) => points.length > 0);
  const x = [...new Set(drawn.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const place = new Map(x.map((value, index) => [value, index]));
  const series = drawn.map(({ points, ...rest }) => {
    const places = points.map((point) => place.get(point.x) ?? 0);
    // A curve a round, and a place a candidate: with all the empty places of each the page would grow as their product.
    const first = places.reduce((least, each) => Math.min(least, each));
    const last = places.reduce((most, each) => Math.max(most, each));
    const values = new Array<number | null>(last - first + 1).fill(null);
    for (const [index, { y }] of points.entries()) values[places[index] - first] = y;
    return { ...rest, first, values };
  });
  return { x, series };
}
