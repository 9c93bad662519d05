/** A tuning run told in lines, for people. */

import { ignoredNote } from '../../data/ignored.js';
import { repeatedNote } from '../../data/repeated.js';
import type { DataEvent, RoundEvent, StartEvent, TuneEvent, TuneResult, WarmupEvent } from '../../run/types.js';
import { formatBytes, formatCount, formatFactor, formatPoints, formatSeconds, formatShare } from '../../format.js';
import { precisionNote } from '../../native/precision.js';
import { renderTable } from './table.js';
import type { Terminal } from './terminal.js';

/** More unreadable images than this are counted, not listed. */
const LISTED = 10;

/** Prints what happened as it happens; --verbose adds a line a candidate and a line a layer. */
export class TuneStory {
  constructor(
    private readonly terminal: Terminal,
    private readonly verbose: boolean,
  ) {}

  tell(event: TuneEvent): void {
    switch (event.event) {
      case 'progress':
        this.terminal.progress(event);
        return;
      case 'start':
        this.tellStart(event);
        return;
      case 'data':
        this.tellData(event);
        return;
      case 'warmup':
        this.terminal.print(warmupLine(event));
        return;
      case 'evaluation':
        if (this.verbose) {
          this.terminal.print(
            `  candidate ${event.round}.${event.index} (${event.source}): accuracy ${formatShare(event.accuracy)} on ${formatCount(event.images)} images, ` +
              `${formatFactor(event.compression)} fewer parameters${event.feasible ? '' : ', too inaccurate'}`,
          );
        }
        return;
      case 'round':
        this.terminal.print(this.roundLines(event));
        return;
      case 'finetune':
        if (this.verbose) {
          this.terminal.print(
            `  ${event.phase} step ${event.step}/${event.steps}: loss ${event.loss.toFixed(3)}, tune accuracy ${formatShare(event.tuneAccuracy)}${event.best ? ', kept' : ''}`,
          );
        }
        return;
      case 'done':
        this.terminal.print(resultLines(event, this.verbose));
        return;
    }
  }

  private tellStart(event: StartEvent): void {
    this.terminal.print(startLine(event));
    const note = precisionNote(event.precision.asked, event.precision.used);
    if (note !== null) this.terminal.note(note);
  }

  private tellData({ layout, labels, fit, tune, test, skipped, ignored, repeated }: DataEvent): void {
    this.terminal.print(
      `${labels.length} classes (${layout}): ${formatCount(fit)} images to fit, ${formatCount(tune)} to tune, ${formatCount(test)} to test`,
    );
    for (const { path, reason } of skipped.slice(0, LISTED)) this.terminal.note(`skipped ${path}: ${reason}`);
    if (skipped.length > LISTED)
      this.terminal.note(`skipped ${skipped.length - LISTED} more images that cannot be read`);
    if (ignored !== null) this.terminal.note(ignoredNote(ignored));
    if (repeated !== null) this.terminal.note(repeatedNote(repeated, { tune, test }));
  }

  private roundLines({ round, slack, tuneAccuracy, compression, layers }: RoundEvent): string {
    const budget = slack === null ? '' : ` (at most ${(slack * 100).toFixed(1)} points may be lost)`;
    const line = `round ${round}: ${formatFactor(compression)} fewer parameters, tune accuracy ${formatShare(tuneAccuracy)} after training${budget}`;
    if (!this.verbose) return line;
    return [
      line,
      ...layers.map(
        ({ name, count, kept }) => `  ${name}: ${formatShare(kept / count)} of ${formatCount(count)} weights kept`,
      ),
    ].join('\n');
  }
}

function startLine({ run, resumed, model, device, threads, seed, parameters }: StartEvent): string {
  const what = `${model}, ${formatCount(parameters)} parameters, on ${device} with ${threads} ${threads === 1 ? 'thread' : 'threads'}, seed ${seed}`;
  return `${resumed ? 'going on with' : 'run'} ${run}: ${what}`;
}

function warmupLine({ steps, loss, tuneAccuracy, fresh }: WarmupEvent): string {
  const started = fresh.length === 0 ? '' : `; started fresh: ${fresh.join(', ')}`;
  return `warm-up: tune accuracy ${formatShare(tuneAccuracy)}, loss ${loss.toFixed(3)} after ${formatCount(steps)} steps${started}`;
}

/** The table a run ends with. */
function resultLines(result: TuneResult, verbose: boolean): string {
  const { accuracy, parameters, bytes, seconds } = result;
  const table = renderTable(
    [
      { title: '', align: 'left' },
      { title: 'dense', align: 'right' },
      { title: 'compressed', align: 'right' },
      { title: '', align: 'left' },
    ],
    [
      [
        'test accuracy',
        formatShare(accuracy.dense),
        formatShare(accuracy.compressed),
        `${formatPoints(accuracy.compressed - accuracy.dense)} points on ${formatCount(accuracy.images)} images`,
      ],
      [
        'parameters',
        formatCount(parameters.total),
        formatCount(parameters.kept),
        `${formatFactor(parameters.compression)} fewer`,
      ],
      ['file', formatBytes(bytes.dense), formatBytes(bytes.file), `${formatFactor(bytes.ratio)} smaller`],
    ],
  );
  const lines = ['', table];
  if (verbose) lines.push('', layerTable(result));
  lines.push(
    '',
    `time    ${formatSeconds(seconds.total)} (decoding ${formatSeconds(seconds.decode)}, search ${formatSeconds(seconds.search)}, training ${formatSeconds(seconds.train)}), ${formatBytes(result.peakRssBytes)} of memory at most`,
    `model   ${result.model}`,
    `report  ${result.report}`,
  );
  return lines.join('\n');
}

function layerTable({ layers }: TuneResult): string {
  return renderTable(
    [
      { title: 'layer', align: 'left' },
      { title: 'weights', align: 'right' },
      { title: 'kept', align: 'right' },
      { title: 'density', align: 'right' },
    ],
    layers.map(({ name, count, kept }) => [name, formatCount(count), formatCount(kept), formatShare(kept / count)]),
  );
}
