/** `install`: libtorch and the addon, for when npm's install scripts are off. */

import { defineCommand } from '../command.js';
import { switchFlag } from '../flags/flag.js';

export const installCommand = defineCommand({
  name: 'install',
  describe:
    'Find or install libtorch, and make the native addon ready; npm does it by itself unless its scripts are off',
  resultOnDisk: true,
  flags: {
    force: switchFlag('force', 'Look for libtorch again, and install it again where it was downloaded'),
    build: switchFlag('build', 'Compile the addon even where one that fits is there'),
  },
  run: async ({ force, build }, _words, { terminal, json, signal, onSlowWork }) => {
    const { install } = await import('../../native/install/index.js');
    onSlowWork('interrupted: stopping');
    const result = await install({
      force: force ?? false,
      build: build ?? false,
      signal,
      note: (line) => {
        if (!json) terminal.print(line);
      },
      onProgress: (progress) => terminal.progress(progress),
    });
    if (json) terminal.json(result);
    return 0;
  },
});
