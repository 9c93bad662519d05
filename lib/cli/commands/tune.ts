/** `tune`: fine-prune a network to a folder of images; without arguments the embedded demo. */

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { DECODING_TASK } from '../../data/decoding-progress.js';
import { AbortedError, UsageError } from '../../errors.js';
import type { TuneConfig, TuneEvent, TuneResult } from '../../run/types.js';
import { defineCommand, PROGRAM, type CommandContext } from '../command.js';
import { readConfigFile } from '../flags/config-file.js';
import { textFlag } from '../flags/flag.js';
import { withDefaults } from '../flags/tune-defaults.js';
import { tuneFlags } from '../flags/tune-flags.js';
import { KEEPING_IMAGES } from '../interrupt.js';
import { TuneStory } from '../render/tune-story.js';

const NOT_BEGUN = 'interrupted: stopping; nothing of the run is there to save yet';
const AS_SAVED = 'interrupted: stopping; the run stays as it was saved';
const SAVING = 'interrupted: saving a checkpoint; press Ctrl-C again to leave at once without it';

export const tuneCommand = defineCommand({
  name: 'tune',
  describe: 'Fine-tune and prune a pre-trained network on your images; the embedded demo without arguments',
  flags: {
    ...withDefaults(tuneFlags),
    config: textFlag('config', "JSON file of these settings, such as a run's config.json; flags go before it"),
    resume: textFlag('resume', 'Run directory of an interrupted run, to go on with it'),
  },
  resultOnDisk: true,
  examples: [
    ['$0 tune', 'the demo: generated textures and a small network, no download'],
    [
      '$0 tune --model alexnet --weights alexnet.pth --data photos --max-drop 0.005',
      'at most half a point of accuracy lost',
    ],
    ['$0 tune --resume finepune-runs/alexnet-1', 'go on after Ctrl-C or a crash'],
  ],
  run: async ({ config: configFile, resume, ...flags }, _words, context) => {
    if (resume !== undefined) refuseOtherSettings(flags, configFile);
    const config = configFile === undefined ? flags : merge(await readConfigFile(configFile), flags);
    if (config.maxDrop != null && config.lambda != null) {
      throw new UsageError('--max-drop and --lambda are two modes of the search; give one of them');
    }
    const tuner = await import('../../tuner/index.js');
    context.onSlowWork(resume === undefined ? NOT_BEGUN : AS_SAVED);
    const run =
      resume === undefined
        ? tuner.tune({ ...config, signal: context.signal })
        : tuner.resume(resume, { signal: context.signal });
    let directory = resume;
    try {
      await show(run, run.result, context, (event) => {
        if (event.event === 'progress' && event.task === DECODING_TASK) context.onSlowWork(KEEPING_IMAGES);
        if (event.event !== 'start') return;
        directory = event.run;
        context.onSlowWork(SAVING);
      });
    } catch (error) {
      throw error instanceof AbortedError && directory !== undefined ? withWayOn(error, directory) : error;
    }
    return 0;
  },
});

/**
 * Follows a run to its end.
 *
 * @param onEvent told each event before it is shown
 */
async function show(
  events: AsyncIterable<TuneEvent>,
  result: Promise<TuneResult>,
  context: CommandContext,
  onEvent: (event: TuneEvent) => void,
): Promise<void> {
  // Awaited last; until then a failure reaches us through the iteration, and must not be called unhandled.
  result.catch(() => undefined);
  const story = new TuneStory(context.terminal, context.verbose);
  for await (const event of events) {
    onEvent(event);
    if (context.json) context.terminal.json(event, 0);
    else story.tell(event);
  }
  await result;
}

/** Where there is a run to go on with, the error says how. */
function withWayOn(error: AbortedError, directory: string): AbortedError {
  if (!existsSync(join(directory, 'config.json'))) return error;
  return new AbortedError(`${error.message}; go on with: ${PROGRAM} tune --resume ${shellWord(directory)}`, {
    cause: error,
  });
}

/** A path as it can be pasted into a shell. */
function shellWord(path: string): string {
  return /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

function refuseOtherSettings(flags: Partial<TuneConfig>, configFile: string | undefined): void {
  const given = Object.keys(flags) as (keyof TuneConfig)[];
  const other = [...given.map((field) => tuneFlags[field].name), ...(configFile === undefined ? [] : ['config'])].at(0);
  if (other !== undefined) {
    throw new UsageError(
      `--${other} cannot be given with --resume: a run goes on with the settings it was started with`,
    );
  }
}

/** Flags go before a file's settings; one that names a mode of the search puts the other mode away. */
function merge(file: Partial<TuneConfig>, flags: Partial<TuneConfig>): Partial<TuneConfig> {
  const config = { ...file, ...flags };
  if (flags.lambda != null && flags.maxDrop == null) config.maxDrop = null;
  if (flags.maxDrop != null && flags.lambda == null) config.lambda = null;
  return config;
}
