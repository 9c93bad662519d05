import { defineConfig } from 'vitest/config';

// .ci/run counts what ran from this file.
const results = process.env.FINEPUNE_TEST_RESULTS;

const globalSetup = 'test/temporary-folder.ts';

export default defineConfig({
  test: {
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
    projects: [
      {
        // The limit is there to end what hangs; a busy machine is slow, not wrong.
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts'],
          globalSetup,
          testTimeout: 60_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // Training is parallel in itself: one file after the other, each in a process of its own, because libtorch
        // keeps one thread count a process.
        test: {
          name: 'native',
          include: ['test/native/**/*.test.ts'],
          globalSetup,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Skips itself where there is no GPU.
        test: {
          name: 'gpu',
          include: ['test/gpu/**/*.test.ts'],
          globalSetup,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 300_000,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Runs the compiled bin as a user does.
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup,
          pool: 'forks',
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
          sequence: { groupOrder: 3 },
        },
      },
    ],
  },
});
