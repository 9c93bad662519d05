/** `evaluate`: accuracy of a model on a folder of labelled images. */

import { DECODING_TASK } from '../../data/decoding-progress.js';
import { ignoredNote } from '../../data/ignored.js';
import type { PartName } from '../../data/types.js';
import { UsageError } from '../../errors.js';
import { defineCommand } from '../command.js';
import { KEEPING_IMAGES } from '../interrupt.js';
import { choiceFlag, integerFlag, switchFlag, textFlag } from '../flags/flag.js';
import { networkFlags, networkFrom } from '../flags/network-flags.js';
import { rangeOf } from '../flags/setting-range.js';
import { formatCount, formatRate, formatShare } from '../../format.js';
import { renderTable } from '../render/table.js';

const STOPPING = 'interrupted: stopping';

export const evaluateCommand = defineCommand({
  name: 'evaluate',
  describe: 'Accuracy of a model on labelled images, overall and per class',
  positionals: [{ name: 'file', describe: 'A model file, unless --model is given', required: false }],
  flags: {
    data: textFlag('data', 'Folder of labelled images, in the layouts of tune'),
    split: integerFlag(
      'split',
      'Official split of a DTD-style folder; that of the tuning run if not given',
      rangeOf('split'),
    ),
    part: choiceFlag<PartName | 'all'>('part', 'Which images; test if not given', ['test', 'tune', 'fit', 'all']),
    seed: integerFlag(
      'seed',
      'Seed of the split of a DIR/<class>/* folder; that of the tuning run if not given',
      rangeOf('seed'),
    ),
    'batch-size': integerFlag(
      'batch-size',
      'Images at a time; as in the tuning run if not given',
      rangeOf('batchSize'),
    ),
    strict: switchFlag('strict', 'Stop at the first image that cannot be read'),
    ...networkFlags,
  },
  examples: [['$0 evaluate run/model.safetensors --data photos', 'accuracy on the images to test']],
  run: async (flags, words, { terminal, json, signal, onSlowWork }) => {
    const { source, rest } = networkFrom(flags, words['file'] ?? []);
    if (rest.length > 0)
      throw new UsageError(`unexpected word "${rest[0]}": with --model there is no model file to name`);
    const { data } = flags;
    if (data === undefined) throw new UsageError('--data is missing: the folder of labelled images to evaluate on');
    const { evaluate } = await import('../../serve/evaluate.js');
    onSlowWork(STOPPING);
    const report = await evaluate(source, {
      data,
      split: flags.split,
      part: flags.part,
      seed: flags.seed,
      device: flags.device,
      threads: flags.threads,
      batchSize: flags['batch-size'],
      strict: flags.strict,
      signal,
      onProgress: (progress) => {
        onSlowWork(progress.task === DECODING_TASK ? KEEPING_IMAGES : STOPPING);
        terminal.progress(progress);
      },
    });
    for (const { path, reason } of report.skipped) terminal.note(`skipped ${path}: ${reason}`);
    if (report.ignored !== null) terminal.note(ignoredNote(report.ignored));
    if (report.sameAsRun === false && report.part !== 'fit') terminal.note(otherImagesNote(report.part));
    if (json) {
      terminal.json(report);
      return 0;
    }
    terminal.print(
      renderTable(
        [
          { title: 'class', align: 'left' },
          { title: 'images', align: 'right' },
          { title: 'top-1', align: 'right' },
        ],
        report.perClass.map(({ label, images, top1 }) => [
          label,
          formatCount(images),
          top1 === null ? '-' : formatShare(top1),
        ]),
      ),
    );
    terminal.print(
      `${formatCount(report.images)} images: top-1 ${formatShare(report.top1, 2)}, top-5 ${formatShare(report.top5, 2)}, ` +
        `${formatRate(report.imagesPerSecond)} images/s on ${report.device}`,
    );
    return 0;
  },
});

/** One line: what the numbers may hide, and how to mend it. */
function otherImagesNote(part: string): string {
  return (
    `these are not the run's images to ${part}: the folder is another, has changed since or is divided otherwise, and the run ` +
    'may have been trained on some of them; keep images to test in a test folder beside train and val, or give only new ones with --part all'
  );
}
