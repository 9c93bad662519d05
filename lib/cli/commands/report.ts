/** `report`: the HTML report of a run, finished or not. */

import { defineCommand } from '../command.js';
import { textFlag } from '../flags/flag.js';

export const reportCommand = defineCommand({
  name: 'report',
  describe: 'Write the HTML report of a run, finished or not',
  positionals: [{ name: 'run', describe: 'Run directory', required: true }],
  flags: { out: textFlag('out', 'Where to write it; RUN/report.html if not given') },
  resultOnDisk: true,
  examples: [['$0 report finepune-runs/alexnet-1', 'one file, opens without a network']],
  run: async ({ out }, words, { terminal, json }) => {
    const { buildReport } = await import('../../report/index.js');
    const [run = ''] = words['run'] ?? [];
    const report = await buildReport(run, { out });
    if (json) terminal.json({ report });
    else terminal.print(report);
    return 0;
  },
});
