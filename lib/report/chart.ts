/** A chart as data: built here, drawn in the browser by client-script.ts. */

/** Colour by place: one of a few told apart at a glance, or a place on a ramp from the first layer (0) to the last (1). */
export type ChartColor = { category: number } | { ramp: number } | { muted: true };

export interface ChartSeries {
  label: string;
  /** One a place of the chart's x; null where there is nothing to draw. */
  values: (number | null)[];
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
export interface Curve extends Omit<ChartSeries, 'values'> {
  points: { x: number; y: number }[];
}

/** Puts curves with places of their own onto one common, ascending x. Empty curves are left out. */
export function alignCurves(curves: readonly Curve[]): { x: number[]; series: ChartSeries[] } {
  const drawn = curves.filter(({ points }) => points.length > 0);
  const x = [...new Set(drawn.flatMap(({ points }) => points.map((point) => point.x)))].sort((a, b) => a - b);
  const place = new Map(x.map((value, index) => [value, index]));
  const series = drawn.map(({ points, ...rest }) => {
    const values = new Array<number | null>(x.length).fill(null);
    for (const point of points) values[place.get(point.x) ?? 0] = Number.isFinite(point.y) ? point.y : null;
    return { ...rest, values };
  });
  return { x, series };
}
