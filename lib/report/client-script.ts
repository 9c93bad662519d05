/**
 * The script in the report that draws its charts with uPlot. It is text because it runs in the reader's browser; all it
 * knows is chart.ts's Chart. Colours are read from the page's style, so that light, dark and paper need no second drawing code.
 */
export const clientScript = `
'use strict';
(() => {
  const charts = JSON.parse(document.getElementById('charts').textContent);
  for (const { x, series } of charts) {
    for (const each of series) {
      const after = x.values.length - each.first - each.values.length;
      each.values = [...Array(each.first).fill(null), ...each.values, ...Array(after).fill(null)];
    }
  }
  const places = [...document.querySelectorAll('.plot')];
  let drawn = [];

  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colorOf = (color) => {
    if (color.muted) return variable('--quiet');
    if (color.category !== undefined) return variable('--c' + (color.category % 8));
    const from = parseFloat(variable('--ramp-from'));
    const to = parseFloat(variable('--ramp-to'));
    return 'hsl(' + (262 - 222 * color.ramp) + ' 62% ' + (from + (to - from) * color.ramp) + '%)';
  };
  const short = (value) => String(Number(value.toPrecision(3)));
  const textOf = (unit, value) =>
    value === null || value === undefined ? '' : unit === 'share' ? short(value * 100) + '%' : unit === 'factor' ? short(value) + 'x' : short(value);

  // uPlot labels whole decades only; most of our ranges are shorter than that. Few ticks call for finer ones.
  const logarithmicTicks = (low, high) => {
    const coarse = ticksAt([1, 2, 5], low, high);
    return coarse.length >= 4 ? coarse : ticksAt([1, 1.5, 2, 3, 4, 5, 6, 8], low, high);
  };
  const ticksAt = (digits, low, high) => {
    const ticks = [];
    for (let exponent = Math.floor(Math.log10(low)) - 1; exponent <= Math.ceil(Math.log10(high)); exponent += 1) {
      for (const digit of digits) {
        const tick = Number((digit * 10 ** exponent).toPrecision(6));
        if (tick >= low * 0.999 && tick <= high * 1.001) ticks.push(tick);
      }
    }
    return ticks;
  };
  const scaleOf = (axis, series) => {
    const values = series.flatMap((each) => each.values).filter((value) => value !== null);
    let low = values.reduce((least, value) => Math.min(least, value), Infinity);
    let high = values.reduce((most, value) => Math.max(most, value), -Infinity);
    if (axis.logarithmic) {
      low /= 1.15;
      high *= 1.15;
      return { distr: 3, range: () => [low, high], ticks: logarithmicTicks(low, high) };
    }
    const room = Math.max((high - low) * 0.08, axis.unit === 'share' ? 0.01 : Math.abs(high) * 0.05 || 1);
    return { range: () => [low - room, high + room] };
  };
  const axisOf = (axis, name, scale, side) => ({
    scale: name,
    side,
    label: axis.label,
    labelSize: 22,
    labelFont: '12px system-ui, sans-serif',
    font: '12px system-ui, sans-serif',
    size: 56,
    stroke: variable('--quiet'),
    grid: { show: side === 3, stroke: variable('--grid'), width: 1 },
    ticks: { stroke: variable('--line'), width: 1, size: 5 },
    values: (_plot, ticks) => ticks.map((tick) => textOf(axis.unit, tick)),
    ...(scale.ticks ? { splits: () => scale.ticks, filter: (_plot, ticks) => ticks } : {}),
  });
  const seriesOf = (series, chart) => {
    const axis = series.axis === 'right' ? chart.right : chart.left;
    const color = colorOf(series.color);
    const onlyPoints = series.style === 'points' || series.style === 'hollow points';
    return {
      label: series.label,
      class: series.style === 'hollow points' ? 'unlisted' : undefined,
      scale: series.axis,
      stroke: color,
      width: series.style === 'dashed' ? 1 : 1.75,
      dash: series.style === 'dashed' ? [5, 4] : undefined,
      paths: onlyPoints ? () => null : undefined,
      spanGaps: true,
      points: {
        show: onlyPoints || series.style === 'line with points',
        size: onlyPoints ? 7 : 5,
        width: 1.5,
        stroke: color,
        fill: series.style === 'hollow points' ? variable('--panel') : color,
      },
      value: (_plot, value) => (textOf(axis.unit, value)),
    };
  };
  const draw = (chart, place) => {
    const left = scaleOf(chart.left, chart.series.filter((each) => each.axis === 'left'));
    const right = chart.right && scaleOf(chart.right, chart.series.filter((each) => each.axis === 'right'));
    const steps = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000, 2000, 2500, 5000, 10000, 20000, 50000, 100000];
    const first = chart.x.values[0];
    const last = chart.x.values[chart.x.values.length - 1];
    const room = Math.max((last - first) * 0.02, first === last ? 1 : 0);
    const options = {
      width: Math.max(280, place.clientWidth),
      height: 300,
      scales: {
        x: { time: false, range: () => [first - room, last + room] },
        left: { distr: left.distr, range: left.range },
        ...(right ? { right: { distr: right.distr, range: right.range } } : {}),
      },
      axes: [
        {
          label: chart.x.label,
          labelSize: 20,
          labelFont: '12px system-ui, sans-serif',
          font: '12px system-ui, sans-serif',
          stroke: variable('--quiet'),
          size: 36,
          grid: { show: false },
          ticks: { stroke: variable('--line'), width: 1, size: 5 },
          ...(chart.x.whole ? { incrs: steps } : {}),
        },
        axisOf(chart.left, 'left', left, 3),
        ...(right ? [axisOf(chart.right, 'right', right, 1)] : []),
      ],
      series: [{ label: chart.x.label, value: (_plot, value) => textOf('number', value) }, ...chart.series.map((each) => seriesOf(each, chart))],
      cursor: { drag: { x: true, y: false }, points: { size: 7 } },
      legend: { live: true },
    };
    const plot = new uPlot(options, [chart.x.values, ...chart.series.map((each) => each.values)], place);
    const canvas = place.querySelector('canvas');
    canvas.setAttribute('role', 'img');
    canvas.setAttribute('aria-label', chart.title + '. ' + chart.note);
    return plot;
  };
  // One that fails must not take the others with it, nor leave an empty frame without a word.
  const drawOrTell = (chart, place) => {
    try {
      return [draw(chart, place)];
    } catch (error) {
      place.textContent = 'This browser cannot draw the chart: ' + error.message;
      return [];
    }
  };
  const drawAll = () => {
    drawn.forEach((plot) => plot.destroy());
    drawn = charts.flatMap((chart, index) => drawOrTell(chart, places[index]));
  };

  drawAll();
  let waiting = 0;
  addEventListener('resize', () => {
    clearTimeout(waiting);
    waiting = setTimeout(drawAll, 120);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  matchMedia('print').addEventListener('change', drawAll);
})();
`;
