/** What `bench search` hands on to the comparison of search methods. */
import { beforeEach, expect, it, vi } from 'vitest';
import type { BenchSearchOptions } from '../../../lib/bench/search/index.js';
import { usualThreads } from '../../../lib/cli/commands/bench/flags.js';
import { runProgram } from '../../../lib/cli/program.js';
import { FakeStream } from '../cli/fake-stream.js';

const benchSearch = vi.hoisted(() =>
  vi.fn((_options: BenchSearchOptions) => Promise.resolve({ rows: [], ratios: {}, machine: {} })),
);
vi.mock('../../../lib/bench/search/index.js', () => ({ benchSearch }));
// The addon is not needed to see that the flag goes through it.
vi.mock('../../../lib/native/device.js', () => ({ resolveDevice: (device: string) => `resolved ${device}` }));

async function optionsOf(...flags: string[]): Promise<BenchSearchOptions> {
  const words = ['bench', 'search', '--parts', 'methods', '--model', 'm', '--weights', 'w', '--data', 'd', '--json'];
  const stderr = new FakeStream();
  const status = await runProgram([...words, ...flags], {
    stdout: new FakeStream(),
    stderr,
    signal: new AbortController().signal,
    onSlowWork: () => undefined,
  });
  expect(status, stderr.text).toBe(0);
  return benchSearch.mock.calls[0][0];
}

beforeEach(() => {
  benchSearch.mockClear();
});

it('searches where and how it is told', async () => {
  const flags = ['--device', 'cuda:1', '--precision', 'bf16', '--batch', '8', '--threads', '3'];
  expect(await optionsOf(...flags)).toMatchObject({
    device: 'resolved cuda:1',
    precision: 'bf16',
    batchSize: 8,
    threads: 3,
  });
});

it('searches on the CPU in float32 where it is not told, as the help says', async () => {
  expect(await optionsOf()).toMatchObject({
    device: 'resolved cpu',
    precision: 'fp32',
    batchSize: 32,
    threads: usualThreads,
  });
});
