/** `inspect`: what a weight file or model holds, layer by layer. */

import { defineCommand } from '../command.js';
import { textFlag } from '../flags/flag.js';
import { formatBytes, formatCount, formatFactor, formatShare } from '../../format.js';
import { renderTable } from '../render/table.js';

export const inspectCommand = defineCommand({
  name: 'inspect',
  describe: 'What a weight file or model holds: shape, kept weights, density and bytes of every layer',
  positionals: [
    { name: 'file', describe: 'A model.safetensors, or any .safetensors, .pth, .pt or .caffemodel', required: true },
  ],
  flags: { model: textFlag('model', 'Architecture the weights are of: a name in models/ or the path of a spec') },
  examples: [['$0 inspect run/model.safetensors', 'how much of each layer is left']],
  run: async ({ model }, words, { terminal, json }) => {
    const { inspect } = await import('../../serve/inspect.js');
    const [file = ''] = words['file'] ?? [];
    const inspection = await inspect(file, { model });
    if (json) {
      terminal.json(inspection);
      return 0;
    }
    const { format, architecture, layers, total } = inspection;
    terminal.print(`${file}: ${format}, ${architecture ?? 'unknown architecture'}`);
    terminal.print(
      renderTable(
        [
          { title: 'layer', align: 'left' },
          { title: 'shape', align: 'left' },
          { title: 'weights', align: 'right' },
          { title: 'kept', align: 'right' },
          { title: 'density', align: 'right' },
          { title: 'bytes', align: 'right' },
          { title: 'bits a weight kept', align: 'right' },
          { title: 'bound', align: 'right' },
        ],
        layers.map(({ name, shape, count, kept, density, bytes, ...bits }) => [
          name,
          shape.join(' x '),
          formatCount(count),
          formatCount(kept),
          formatShare(density),
          formatBytes(bytes),
          bits.bitsPerNonZero?.toFixed(2) ?? '-',
          bits.boundBitsPerNonZero?.toFixed(2) ?? '-',
        ]),
      ),
    );
    terminal.print(
      `total: ${formatCount(total.kept)} of ${formatCount(total.parameters)} parameters kept (${formatFactor(total.compression)} fewer), ` +
        `${formatBytes(total.bytesFile)} on disk, ${formatBytes(total.bytesDense)} dense`,
    );
    return 0;
  },
});
