/** `tune`: fine-prune a network to a folder of images; without arguments the embedded demo. */

import { UsageError } from '../../errors.js';
import { completeConfig } from '../../tuner/config.js';
import type { TuneConfig, TuneEvent, TuneResult } from '../../run/types.js';
import { defineCommand, type CommandContext } from '../command.js';
import { readConfigFile } from '../flags/config-file.js';
import { textFlag, type FlagTable } from '../flags/flag.js';
import { tuneFlags } from '../flags/tune-flags.js';
import { TuneStory } from '../render/tune-story.js';

const SAVING = 'interrupted: saving a checkpoint; press Ctrl-C again to leave at once without it';

export const tuneCommand = defineCommand({
  name: 'tune',
  describe: 'Fine-tune and prune a pre-trained network on your images; the embedded demo without arguments',
  flags: {
    ...withDefaults(tuneFlags),
    config: textFlag('config', "JSON file of these settings, such as a run's config.json; flags go before it"),
    resume: textFlag('resume', 'Run directory of an interrupted run, to go on with it'),
  },
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
    const config = configFile === undefined ? flags : { ...(await readConfigFile(configFile)), ...flags };
    const tuner = await import('../../tuner/index.js');
    context.onSlowWork(SAVING);
    const run =
      resume === undefined
        ? tuner.tune({ ...config, signal: context.signal })
        : tuner.resume(resume, { signal: context.signal });
    await show(run, run.result, context);
    return 0;
  },
});

/** Follows a run to its end. */
async function show(
  events: AsyncIterable<TuneEvent>,
  result: Promise<TuneResult>,
  context: CommandContext,
): Promise<void> {
  // Awaited last; until then a failure reaches us through the iteration, and must not be called unhandled.
  result.catch(() => undefined);
  const story = new TuneStory(context.terminal, context.verbose);
  for await (const event of events) {
    if (context.json) context.terminal.json(event, 0);
    else story.tell(event);
  }
  await result;
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

/** Puts the tuner's own defaults, where they do not depend on the data, into --help. */
function withDefaults<Table extends FlagTable>(table: Table): Table {
  const dependent = new Set(['out', 'model', 'warmupSteps', 'freshSteps', 'roundSteps', 'finetuneSteps', 'threads']);
  const defaults: Record<string, string | number | boolean | null> = {
    ...completeConfig({ model: '', out: '' }, { fitImages: 1, freshShare: 0, demo: false }),
  };
  const entries = Object.entries(table).map(([field, flag]) => {
    const value = Object.hasOwn(defaults, field) ? defaults[field] : null;
    const isTold = !dependent.has(field) && value !== null && value !== false;
    return [field, isTold ? { ...flag, defaultText: String(value) } : flag];
  });
  return Object.fromEntries(entries) as Table;
}
