/** The report's page: headline figures, charts, tables. */

import { ignoredNote } from '../data/ignored.js';
import { repeatedNote } from '../data/repeated.js';
import { formatBytes, formatCount, formatFactor, formatPoints, formatSeconds, formatShare } from '../format.js';
import type { LayerResult, TuneResult } from '../run/types.js';
import type { Chart } from './chart.js';
import { clientScript } from './client-script.js';
import { escapeHtml, htmlTable, jsonForScript } from './html.js';
import type { RunRecord } from './read-run.js';
import { roundCharts } from './round-charts.js';
import { searchCharts } from './search-charts.js';
import { style } from './style.js';
import { trainingCharts } from './training-charts.js';

/** uPlot's own files, to be put into the page. */
export interface PlotLibrary {
  script: string;
  style: string;
}

/** Images left out that are named: a browser takes long over a table of very many rows. */
const MOST_SKIPPED = 200;

/** The whole page as text. It loads nothing: its security policy forbids every request. */
export function renderPage(run: RunRecord, library: PlotLibrary): string {
  const groups = [
    ['Search', searchCharts(run)] as const,
    ['Rounds', roundCharts(run)] as const,
    ['Training', trainingCharts(run)] as const,
  ].map(([name, members]): [string, Chart[]] => [name, members.filter(({ series }) => series.length > 0)]);
  const charts = groups.flatMap(([, members]) => members);
  const title = run.config.data === null ? 'The embedded demo' : `${run.config.model} on ${run.config.data}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${escapeHtml(title)}: finepune-native</title>
<style>${library.style}${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
<p class="quiet path">${escapeHtml(run.directory)}</p>
${run.result === undefined ? unfinishedBanner(run) : headline(run.result)}
${repeatedBanner(run)}
<noscript><p class="banner">The charts of this page are drawn by a script in it, which your browser does not run.</p></noscript>
${resultSection(run.result)}
${groups.map(([name, members]) => chartSection(name, members)).join('\n')}
${layersSection(run)}
${dataSection(run)}
${configSection(run)}
<script type="application/json" id="charts">${jsonForScript(charts)}</script>
<script>${library.script}</script>
<script>${clientScript}</script>
</body>
</html>
`;
}

function headline({ accuracy, parameters, bytes, seconds }: TuneResult): string {
  const cards: [string, string][] = [
    [
      `${formatFactor(parameters.compression)} fewer parameters`,
      `${formatCount(parameters.kept)} of ${formatCount(parameters.total)} kept`,
    ],
    [
      `${formatShare(accuracy.compressed)} accuracy`,
      `dense ${formatShare(accuracy.dense)}, ${formatPoints(accuracy.compressed - accuracy.dense)} points, on ${formatCount(accuracy.images)} test images`,
    ],
    [formatBytes(bytes.file), `model file; ${formatBytes(bytes.dense)} dense, ${formatFactor(bytes.ratio)} smaller`],
    [
      formatSeconds(seconds.total),
      `decoding ${formatSeconds(seconds.decode)}, search ${formatSeconds(seconds.search)}, training ${formatSeconds(seconds.train)}`,
    ],
  ];
  return `<div class="cards">${cards
    .map(
      ([figure, meaning]) => `<div class="card"><b>${escapeHtml(figure)}</b><span>${escapeHtml(meaning)}</span></div>`,
    )
    .join('')}</div>`;
}

function unfinishedBanner({ rounds, config }: RunRecord): string {
  return `<p class="banner">This run is not finished: ${rounds.length} of ${config.rounds} rounds are done. What follows is what it wrote so far.</p>`;
}

/** Beside the figures that it is about. */
function repeatedBanner({ data }: RunRecord): string {
  // Undefined in journals of earlier versions.
  const repeated = data?.repeated;
  if (data === undefined || repeated == null) return '';
  return `<p class="banner">${escapeHtml(repeatedNote(repeated, data))}.</p>`;
}

function chartSection(name: string, charts: readonly Chart[]): string {
  if (charts.length === 0) return '';
  const figures = charts.map(
    ({ title, note }) =>
      `<figure class="chart"><h3>${escapeHtml(title)}</h3><p>${escapeHtml(note)}</p><div class="plot"></div></figure>`,
  );
  return `<h2>${escapeHtml(name)}</h2>\n<div class="charts">${figures.join('\n')}</div>`;
}

function layersSection({ result, rounds }: RunRecord): string {
  const layers: LayerResult[] = result?.layers ?? rounds.at(-1)?.layers ?? [];
  if (layers.length === 0) return '';
  const table = htmlTable(
    [
      { text: 'layer' },
      { text: 'weights', number: true },
      { text: 'kept', number: true },
      { text: 'share kept', number: true },
    ],
    layers.map(({ name, count, kept }) => {
      const share = count > 0 ? kept / count : 0;
      return [
        { text: name },
        { text: formatCount(count), number: true },
        { text: formatCount(kept), number: true },
        { text: formatShare(share, share < 0.01 ? 2 : 1), number: true, bar: share },
      ];
    }),
  );
  return `<h2>Layers</h2>\n${table}`;
}

function resultSection(result: TuneResult | undefined): string {
  if (result === undefined) return '';
  const { accuracy, parameters, bytes, seconds } = result;
  const figures = (...texts: string[]): { text: string; number: true }[] =>
    texts.map((text) => ({ text, number: true }));
  const table = htmlTable(
    [{ text: '' }, ...figures('dense', 'compressed', '')],
    [
      [
        { text: 'test accuracy' },
        ...figures(
          formatShare(accuracy.dense, 2),
          formatShare(accuracy.compressed, 2),
          `${formatPoints(accuracy.compressed - accuracy.dense, 2)} points`,
        ),
      ],
      [
        { text: 'parameters' },
        ...figures(
          formatCount(parameters.total),
          formatCount(parameters.kept),
          `${formatFactor(parameters.compression)} fewer`,
        ),
      ],
      [
        { text: 'bytes' },
        ...figures(formatCount(bytes.dense), formatCount(bytes.file), `${formatFactor(bytes.ratio)} smaller`),
      ],
    ],
  );
  return `<h2>Result</h2>
<p class="quiet">Dense is the same network fine-tuned with the same number of steps and no pruning, on the same images. The ${formatCount(accuracy.images)} test images were used once, at the end.</p>
${table}
<p class="quiet after">${escapeHtml(`On ${result.device}, seed ${result.seed}: ${formatSeconds(seconds.total)}, ${formatBytes(result.peakRssBytes)} of memory at most.`)}</p>`;
}

function dataSection({ data }: RunRecord): string {
  if (data === undefined) return '';
  const skipped =
    data.skipped.length === 0
      ? ''
      : `<h3>Images left out</h3>${htmlTable(
          [{ text: 'file' }, { text: 'reason' }],
          data.skipped.slice(0, MOST_SKIPPED).map(({ path, reason }) => [{ text: path }, { text: reason }]),
        )}${furtherSkipped(data.skipped.length - MOST_SKIPPED)}`;
  // Undefined in journals of earlier versions.
  const ignored = data.ignored == null ? '' : `<p>${escapeHtml(ignoredNote(data.ignored))}.</p>`;
  return `<h2>Images</h2>
<p>${formatCount(data.fit)} to fit weights, ${formatCount(data.tune)} to choose thresholds, ${formatCount(data.test)} to test; ${data.labels.length} classes.</p>
<p class="quiet">${escapeHtml(data.labels.join(', '))}</p>
${ignored}
${skipped}`;
}

function furtherSkipped(count: number): string {
  return count > 0 ? `<p class="quiet after">and ${formatCount(count)} more, all named in journal.jsonl</p>` : '';
}

function configSection({ config, start }: RunRecord): string {
  const entries = Object.entries({
    ...config,
    ...(start === undefined ? {} : { deviceUsed: start.device, parameters: start.parameters }),
  });
  const rows = entries.map(
    ([name, value]) =>
      `<div><dt>${escapeHtml(name)}</dt><dd>${escapeHtml(value === null ? '–' : String(value))}</dd></div>`,
  );
  return `<h2>Configuration</h2>\n<dl class="config">${rows.join('\n')}</dl>`;
}
