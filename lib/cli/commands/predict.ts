/** `predict`: the likeliest labels of images. */

import { FinepuneError, UsageError } from '../../errors.js';
import type { Prediction } from '../../serve/model.js';
import { defineCommand } from '../command.js';
import { integerFlag } from '../flags/flag.js';
import { networkFlags, networkFrom } from '../flags/network-flags.js';
import { formatShare } from '../../format.js';

export const predictCommand = defineCommand({
  name: 'predict',
  describe: 'Classify images',
  positionals: [
    { name: 'words', describe: 'A model file (unless --model is given), then images', required: true, many: true },
  ],
  flags: { ...networkFlags, top: integerFlag('top', 'Labels an image, 5 if not given', { min: 1 }) },
  examples: [['$0 predict run/model.safetensors photo.jpg', 'the five likeliest labels']],
  run: async (flags, words, { terminal, json, signal }) => {
    const { source, rest: images } = networkFrom(flags, words['words'] ?? []);
    if (images.length === 0) throw new UsageError('which images? Name one or more after the model');
    const { loadModel } = await import('../../serve/index.js');
    const model = await loadModel(source, { device: flags.device, threads: flags.threads });
    const rows: { image: string; predictions: Prediction[]; error?: { code: string; message: string } }[] = [];
    let failed = false;
    try {
      for (const image of images) {
        signal.throwIfAborted();
        try {
          const predictions = await model.classify(image, { top: flags.top ?? 5 });
          rows.push({ image, predictions });
          if (!json) terminal.print(predictionLines(image, predictions));
        } catch (error) {
          // One bad picture among many is told by name; the others still get their labels.
          if (!(error instanceof FinepuneError) || error.code !== 'E_IMAGE') throw error;
          failed = true;
          rows.push({ image, predictions: [], error: { code: error.code, message: error.message } });
          terminal.note(`error ${error.code}: ${error.message}`);
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
