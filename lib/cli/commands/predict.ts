/** `predict`: the likeliest labels of images. */

import { FinepuneError, UsageError } from '../../errors.js';
import type { Prediction } from '../../serve/model.js';
import { defineCommand } from '../command.js';
import { integerFlag } from '../flags/flag.js';
import { networkFlags, networkFrom } from '../flags/network-flags.js';
import { formatShare } from '../../format.js';
import { errorLine } from '../render/error-line.js';

/** Most images that the model computes together. */
const BATCH = 32;

export const predictCommand = defineCommand({
  name: 'predict',
  describe: 'Classify images',
  positionals: [
    { name: 'words', describe: 'A model file (unless --model is given), then images', required: true, many: true },
  ],
  flags: { ...networkFlags, top: integerFlag('top', 'Labels an image, 5 if not given', { min: 1 }) },
  examples: [['$0 predict run/model.safetensors photo.jpg', 'the five likeliest labels']],
  run: async (flags, words, { terminal, json }) => {
    const { source, rest: images } = networkFrom(flags, words['words'] ?? []);
    if (images.length === 0) throw new UsageError('which images? Name one or more after the model');
    const { loadModel } = await import('../../serve/index.js');
    const model = await loadModel(source, { device: flags.device, threads: flags.threads, maxBatch: BATCH });
    const rows: { image: string; predictions: Prediction[]; error?: { code: string; message: string } }[] = [];
    let failed = false;
    try {
      // Two batches at a time, so that one is decoded while the other is computed.
      for (let start = 0; start < images.length; start += 2 * BATCH) {
        const list = images.slice(start, start + 2 * BATCH);
        const answers = await model.classify(list, { top: flags.top ?? 5, settle: true });
        for (const [index, answer] of answers.entries()) {
          const image = list[index] ?? '';
          if (answer instanceof FinepuneError) {
            // One bad picture among many is told by name; the others still get their labels.
            if (answer.code !== 'E_IMAGE') throw answer;
            failed = true;
            rows.push({ image, predictions: [], error: { code: answer.code, message: answer.message } });
            terminal.note(errorLine(answer));
          } else {
            rows.push({ image, predictions: answer });
            if (!json) terminal.print(predictionLines(image, answer));
          }
        }
      }
    } finally {
      await model.dispose();
    }
    if (json) terminal.json(rows);
    return failed ? 1 : 0;
  },
});

function predictionLines(image: string, predictions: Prediction[]): string {
  return [
    image,
    ...predictions.map(({ label, probability }) => `  ${formatShare(probability).padStart(6)}  ${label}`),
  ].join('\n');
}
