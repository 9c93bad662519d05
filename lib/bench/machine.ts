/** The machine a benchmark runs on. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import { describeLibtorch } from '../native/libtorch.js';
import { loadAddon } from '../native/load.js';
import { packageRoot } from '../native/package-root.js';
import type { MachineDescription } from './types.js';

/**
 * @param baseline versions of what was run beside this package.
 * @param threads threads both sides were given.
 * @param device where both sides computed: 'cpu' or 'cuda:N'.
 */
export function describeMachine(
  baseline: Record<string, string> | null,
  threads = availableParallelism(),
  device = 'cpu',
): MachineDescription {
  return {
    cpu: cpus().at(0)?.model ?? 'unknown',
    gpu:
      device === 'cpu'
        ? null
        : (loadAddon()
            .info()
            .cudaDevices.at(Number(device.slice('cuda:'.length))) ?? device),
    threads,
    memoryBytes: totalmem(),
    node: process.version,
    libtorch: describeLibtorch(packageRoot)?.version ?? null,
    baseline,
  };
}
