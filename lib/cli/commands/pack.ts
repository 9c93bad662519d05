/** `pack`: any weight file with zeros in this package's format. */

import { formatBytes, formatCount, formatFactor } from '../../format.js';
import { defineCommand } from '../command.js';
import { choiceFlag, switchFlag } from '../flags/flag.js';

/** Those of lib/models/pack.ts, which is loaded only when the command runs. */
const VALUES = ['float32', 'fp16', 'cb2', 'cb3', 'cb4', 'cb5', 'cb6', 'cb7', 'cb8'] as const;

export const packCommand = defineCommand({
  name: 'pack',
  describe: 'Write the weights of any file with zeros in the small format of this package, bit for bit',
  positionals: [
    { name: 'file', describe: 'A .safetensors, .pth, .pt, .caffemodel or model file', required: true },
    { name: 'out', describe: 'The .safetensors file to write', required: true },
  ],
  flags: {
    values: choiceFlag('values', 'Values of weights: exact, as float16, or a codebook of 2 to 8 bits a layer', VALUES),
    dropZeroSigns: switchFlag('drop-zero-signs', 'Write negative zeros as 0, which saves bytes and changes no sum'),
  },
  resultOnDisk: true,
  examples: [
    ['$0 pack pruned.pth small.safetensors', 'float32, bit for bit'],
    ['$0 pack pruned.pth small.safetensors --values cb4', '16 different values a layer'],
  ],
  run: async (options, { file: [file = ''] = [], out: [out = ''] = [] }, { terminal, json }) => {
    const { pack } = await import('../../models/index.js');
    const result = await pack(file, out, options);
    if (json) {
      terminal.json(result);
      return 0;
    }
    const { tensors, bytesBefore, bytes, negativeZeros } = result;
    terminal.print(
      `${out}: ${formatCount(tensors)} tensors, ${formatBytes(bytes)} of ${formatBytes(bytesBefore)} (${formatFactor(bytesBefore / bytes)} smaller)`,
    );
    const isExact = (options.values ?? 'float32') === 'float32' && options.dropZeroSigns !== true;
    if (negativeZeros > 0 && isExact) {
      terminal.print(
        `${formatCount(negativeZeros)} negative zeros kept their sign; --drop-zero-signs writes them as 0`,
      );
    }
    return 0;
  },
});
