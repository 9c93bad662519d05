/** `bench codec` */
import { defineCommand } from '../../command.js';
import { integerFlag, textFlag } from '../../flags/flag.js';
import { threadsFlag } from './flags.js';
import { sharesOf } from './lists.js';
import { printBench, rowNotes } from './report.js';

const REPETITIONS = 5;
const THREADS = 2;
const THOUSANDS = 2;

export const benchCodecCommand = defineCommand({
  name: 'codec',
  describe: "The model file's codec: bytes and speed over densities, beside a copy and zlib",
  flags: {
    densities: textFlag('densities', 'Shares of weights kept, such as 0.5,0.1; from 1 to 0.01 if not given'),
    thousands: integerFlag('thousands', `Thousands of rows of the tensor; ${THOUSANDS} if not given`, {
      min: 1,
      max: 64,
    }),
    repetitions: integerFlag('repetitions', `Measurements of each; ${REPETITIONS} if not given`, { min: 1, max: 1000 }),
    threads: threadsFlag,
  },
  run: async ({ densities, thousands, repetitions, threads }, _words, context) => {
    const { benchCodec, CODEC_DENSITIES, ROW_LENGTH } = await import('../../../bench/codec/index.js');
    return printBench(context, () =>
      benchCodec({
        densities: sharesOf(densities, '--densities') ?? CODEC_DENSITIES,
        entries: (thousands ?? THOUSANDS) * 1000 * ROW_LENGTH,
        threads: threads ?? THREADS,
        repetitions: repetitions ?? REPETITIONS,
        signal: context.signal,
        onRow: rowNotes(context),
      }),
    );
  },
});
