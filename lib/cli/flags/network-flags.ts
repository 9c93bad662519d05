/** The flags by which `evaluate`, `predict` and `export` name a network that was never tuned, and say where to run. */

import { UsageError } from '../../errors.js';
import type { ModelSource } from '../../serve/source.js';
import { deviceFlag, integerFlag, switchFlag, textFlag, type FlagValues } from './flag.js';
import { rangeOf } from './setting-range.js';

export const networkFlags = {
  model: textFlag('model', 'Instead of a model file: architecture, a name in models/ or the path of a spec'),
  weights: textFlag('weights', 'Instead of a model file: its weights'),
  partial: switchFlag('partial', 'Let parameters that the weight file lacks start fresh'),
  device: deviceFlag(),
  threads: integerFlag('threads', 'CPU threads', rangeOf('threads')),
};

/**
 * Tells a model file from a network with weights.
 *
 * @param words what stands after the command; a model file is the first of them unless --model is given
 * @returns the network, and the words that are left
 * @throws UsageError neither or both are named
 */
export function networkFrom(
  { model, weights, partial }: FlagValues<typeof networkFlags>,
  words: string[],
): { source: ModelSource; rest: string[] } {
  if (model === undefined && weights === undefined) {
    const file = words.at(0);
    if (file === undefined) throw new UsageError('which model? Give a model file, or --model NAME --weights FILE');
    if (partial === true)
      throw new UsageError('--partial goes with --model and --weights; a model file is always whole');
    return { source: file, rest: words.slice(1) };
  }
  if (model === undefined) throw new UsageError('--weights needs --model: the architecture the weights are of');
  if (weights === undefined) throw new UsageError('--model needs --weights: the file that holds its weights');
  return { source: { model, weights, partial: partial ?? false }, rest: words };
}
