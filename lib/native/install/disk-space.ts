import { statfs } from 'node:fs/promises';
import { InstallError } from '../../errors.js';

const GIGABYTE = 1e9;

/**
 * Checks that the disk of `directory` (which exists) has `bytes` free.
 * @throws InstallError with both numbers and the way to another disk.
 */
export async function requireSpaceForLibtorch(directory: string, bytes: number): Promise<void> {
  const disk = await statfs(directory);
  const free = disk.bavail * disk.bsize;
  if (free >= bytes) return;
  throw new InstallError(
    `${directory} has ${(free / GIGABYTE).toFixed(1)} GB free and libtorch needs ${(bytes / GIGABYTE).toFixed(1)} GB; ` +
      'free some, or set FINEPUNE_CACHE to a folder on a larger disk',
  );
}
