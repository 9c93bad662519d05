/** `export`: a network in the formats of other programs. */

import { UsageError } from '../../errors.js';
import { formatBytes, formatCount } from '../../format.js';
import { EXPORT_FORMATS } from '../../serve/export-format.js';
import { defineCommand } from '../command.js';
import { choiceFlag } from '../flags/flag.js';
import { networkFlags, networkFrom } from '../flags/network-flags.js';

export const exportCommand = defineCommand({
  name: 'export',
  describe: 'Write a network for other programs, dense: as ONNX, or as .safetensors with the names of its architecture',
  positionals: [
    {
      name: 'words',
      describe: 'A model file (unless --model is given), then the .onnx or .safetensors file to write',
      required: true,
      many: true,
    },
  ],
  flags: {
    format: choiceFlag('format', 'What to write; that of the extension if not given', EXPORT_FORMATS),
    model: networkFlags.model,
    weights: networkFlags.weights,
  },
  resultOnDisk: true,
  examples: [
    ['$0 export run/model.safetensors trees.onnx', 'for ONNX runtimes; labels and preprocessing are in its metadata'],
    ['$0 export run/model.safetensors plain.safetensors', "for PyTorch's load_state_dict"],
    ['$0 export --model alexnet --weights alexnet.pth alexnet.onnx', 'a network that was never tuned'],
    [
      '$0 unpack small.safetensors plain.safetensors',
      'beside it: any weight file of this package, bit for bit with its metadata, and no architecture wanted',
    ],
  ],
  run: async (flags, words, { terminal, json }) => {
    const { source, rest } = networkFrom(flags, words['words'] ?? []);
    const out = rest.at(0);
    if (out === undefined)
      throw new UsageError('which file to write? Name an .onnx or .safetensors file after the model');
    if (rest.length > 1) throw new UsageError(`unexpected word "${rest[1]}" after ${out}, the file to write`);
    const { exportModel } = await import('../../serve/export.js');
    const result = await exportModel(source, out, { format: flags.format });
    if (json) {
      terminal.json(result);
      return 0;
    }
    const { format, tensors, bytes, bytesBefore, zeros } = result;
    const from = typeof source === 'string' ? source : source.weights;
    terminal.print(
      `${out}: ${format}, ${formatCount(tensors)} tensors, ${formatBytes(bytes)}; ${from} has ${formatBytes(bytesBefore)}`,
    );
    if (zeros > 0) {
      terminal.print(
        `${formatCount(zeros)} pruned weights are stored there as zeros: it is as large as the dense network`,
      );
    }
    return 0;
  },
});
