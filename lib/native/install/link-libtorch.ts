import { lstat, readlink, rename, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { InstallError, messageOf } from '../../errors.js';
import { describeLibtorch } from '../libtorch.js';

/**
 * Makes ROOT/libtorch a link to `target`, in one step where there was another link. A real folder of that name is
 * left alone if it is the target itself.
 * @throws InstallError where something else has that name, or the folder cannot be written.
 */
export async function linkLibtorch(root: string, target: string): Promise<void> {
  const link = join(root, 'libtorch');
  const present = await lstat(link).catch(() => null);
  if (present !== null && !present.isSymbolicLink()) {
    if (describeLibtorch(root)?.path === target) return;
    throw new InstallError(`${link} is in the way of the link to ${target}; move it elsewhere`);
  }
  if (present !== null && (await readlink(link)) === target) return;
  const temporary = `${link}.${process.pid}`;
  try {
    await rm(temporary, { force: true });
    await symlink(target, temporary);
    await rename(temporary, link);
  } catch (error) {
    await rm(temporary, { force: true });
    throw new InstallError(`cannot write ${link}: ${messageOf(error)}`, { cause: error });
  }
}
