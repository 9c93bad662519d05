/** `unpack`: a file of this package as plain .safetensors. */

import { formatBytes, formatCount } from '../../format.js';
import { defineCommand } from '../command.js';

export const unpackCommand = defineCommand({
  name: 'unpack',
  describe: 'Write the tensors of a packed file or a model as plain float32 .safetensors, for any other program',
  positionals: [
    { name: 'file', describe: 'What pack or tune wrote', required: true },
    { name: 'out', describe: 'The .safetensors file to write', required: true },
  ],
  flags: {},
  resultOnDisk: true,
  examples: [['$0 unpack small.safetensors plain.safetensors', 'what pack was given, bit for bit']],
  run: async (_flags, { file: [file = ''] = [], out: [out = ''] = [] }, { terminal, json }) => {
    const { unpack } = await import('../../models/index.js');
    const result = await unpack(file, out);
    if (json) terminal.json(result);
    else terminal.print(`${out}: ${formatCount(result.tensors)} tensors, ${formatBytes(result.bytes)}`);
    return 0;
  },
});
