/** `bench serve` */
import type { BenchReport } from '../../../bench/types.js';
import { type CommandContext, defineCommand } from '../../command.js';
import { deviceFlag, type FlagValues, integerFlag, switchFlag, textFlag } from '../../flags/flag.js';
import { baselineFlags, threadsFlag, USUAL_DEVICE } from './flags.js';
import { countsOf, namesOf, sharesOf } from './lists.js';
import { printBench, rowNotes } from './report.js';

const MODELS = 'alexnet,squeezenet1_1,resnet18';
const BATCHES = [1, 32];
const ROUNDS = 5;
const CALLS = 10_000;
const STREAMS = 16;

const flags = {
  models: textFlag('models', `Networks, separated by commas; ${MODELS} if not given`),
  model: textFlag('model', 'A model file'),
  densities: textFlag('densities', 'Shares of weights kept, such as 1,0.3,0.1; from 1 to 0.01 if not given'),
  batches: textFlag('batches', `Images at once; ${BATCHES.join(',')} if not given`),
  rounds: integerFlag('rounds', `Fewest rounds; ${ROUNDS} if not given`, { min: 1, max: 100_000 }),
  soak: switchFlag('soak', 'Many calls in concurrent streams instead, of the first network or the model file'),
  calls: integerFlag('calls', `soak: calls in all; ${CALLS} if not given`, { min: 2, max: 100_000_000 }),
  streams: integerFlag('streams', `soak: calls at a time; ${STREAMS} if not given`, { min: 1, max: 4096 }),
  device: {
    ...deviceFlag(),
    describe: 'Where to serve: auto, cpu or cuda:N; cpu if not given. A GPU is compared with its own dense path alone',
  },
  threads: threadsFlag,
  'without-memory': switchFlag('without-memory', 'Do not start processes to read their memory'),
  'without-baseline': baselineFlags['without-baseline'],
};

export const benchServeCommand = defineCommand({
  name: 'serve',
  describe: 'Milliseconds, memory and file bytes of serving, beside onnxruntime and libtorch',
  flags,
  examples: [['$0 bench serve --models alexnet --batches 1', 'one image at a time, over densities']],
  run: (given, _words, context) =>
    printBench(context, () => (given.soak === true ? soak(given, context) : sweep(given, context))),
});

async function soak(given: FlagValues<typeof flags>, context: CommandContext): Promise<BenchReport> {
  const { benchSoak } = await import('../../../bench/serve/index.js');
  const { resolveDevice } = await import('../../../native/device.js');
  const { model, threads } = given;
  const [first] = namesOf(given.models ?? MODELS, '--models') ?? [];
  return benchSoak({
    model: model ?? first,
    file: model !== undefined,
    calls: given.calls ?? CALLS,
    streams: given.streams ?? STREAMS,
    device: resolveDevice(given.device ?? USUAL_DEVICE),
    threads,
    signal: context.signal,
    onRow: rowNotes(context),
  });
}

async function sweep(given: FlagValues<typeof flags>, context: CommandContext): Promise<BenchReport> {
  const { benchServe, SWEEP } = await import('../../../bench/serve/index.js');
  const { resolveDevice } = await import('../../../native/device.js');
  const { model, models, threads } = given;
  return benchServe({
    // A model file alone, unless others are asked for by name.
    models: namesOf(models ?? (model === undefined ? MODELS : undefined), '--models') ?? [],
    files: model === undefined ? [] : [model],
    densities: sharesOf(given.densities, '--densities') ?? SWEEP,
    batches: countsOf(given.batches, '--batches') ?? BATCHES,
    device: resolveDevice(given.device ?? USUAL_DEVICE),
    threads,
    rounds: given.rounds ?? ROUNDS,
    baseline: given['without-baseline'] !== true,
    memory: given['without-memory'] !== true,
    signal: context.signal,
    onRow: rowNotes(context),
  });
}
