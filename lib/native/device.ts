/** Which device a run uses. */
import { DeviceError, UsageError } from '../errors.js';
import { loadAddon } from './load.js';

/**
 * Resolves 'auto', 'cpu', 'cuda' and 'cuda:N' to 'cpu' or 'cuda:N'.
 * @throws UsageError for any other word; DeviceError where the device asked for is not there, never another in its place.
 */
export function resolveDevice(device: string): string {
  const { cuda, cudaDevices } = loadAddon().info();
  if (device === 'cpu') return 'cpu';
  if (device === 'auto') return cudaDevices.length > 0 ? 'cuda:0' : 'cpu';
  const match = /^cuda(?::(?<number>\d+))?$/.exec(device);
  if (match === null) throw new UsageError(`device is ${device}; choose auto, cpu, cuda or cuda:N`);
  if (!cuda) {
    throw new DeviceError(
      `device ${device} asked for, but this build has no CUDA; build with FINEPUNE_CUDA=ON and a CUDA libtorch, or use --device cpu`,
    );
  }
  const index = Number(match.groups?.number ?? 0);
  if (index >= cudaDevices.length) {
    throw new DeviceError(
      `device ${device} asked for, but ${cudaDevices.length} CUDA device(s) are visible; use --device cpu or another number`,
    );
  }
  return `cuda:${index}`;
}
