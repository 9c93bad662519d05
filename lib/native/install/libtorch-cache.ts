/** The per-user folder that holds one libtorch for all projects, filled by one installer at a time. */
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import lockfile from 'proper-lockfile';
import { cacheDirectory } from '../../cache-directory.js';
import { InstallError, messageOf } from '../../errors.js';
import { examineLibtorch, type LibtorchDescription } from '../libtorch.js';
import { whyLibtorchFails } from './load-check.js';
import type { InstallContext } from './progress.js';

/** Folder of the libtorch called `name`, e.g. "2.13.0-cpu"; `name` is unique to where it comes from. */
export function libtorchCacheDirectory(name: string): string {
  return join(cacheDirectory(), 'libtorch', name);
}

/**
 * The cached libtorch `name`; where there is none, `fill` is called with an empty folder next to it, which takes its
 * place once it was loaded. Other installers wait.
 *
 * @throws InstallError where the folder cannot be written or what was filled in is not a libtorch.
 */
export async function cachedLibtorch(
  name: string,
  force: boolean,
  context: InstallContext,
  fill: (directory: string) => Promise<void>,
): Promise<LibtorchDescription> {
  const directory = libtorchCacheDirectory(name);
  const parent = join(directory, '..');
  try {
    await mkdir(parent, { recursive: true });
  } catch (error) {
    throw new InstallError(`cannot write ${parent}: ${messageOf(error)}; set FINEPUNE_CACHE to another folder`, {
      cause: error,
    });
  }
  const release = await lock(directory, context);
  try {
    const present = examineLibtorch(directory);
    if (!force && !('rejected' in present)) return present;
    await removeLeftovers(parent, basename(directory));
    const unfinished = await mkdtemp(`${directory}.unfinished-`);
    try {
      await fill(unfinished);
      await requireLoadable(unfinished, context.signal);
      await rm(directory, { recursive: true, force: true });
      await rename(unfinished, directory);
    } finally {
      await rm(unfinished, { recursive: true, force: true });
    }
    return examineOrThrow(directory);
  } finally {
    // One that was lost need not be given back.
    await release().catch(() => {});
  }
}

async function lock(directory: string, context: InstallContext): Promise<() => Promise<void>> {
  // A dead installer's lock is stale after 20 s, because a living one touches it all the time.
  // Where a machine slept for longer, the lock is lost; the folder still appears in one piece, by renaming.
  const options = { realpath: false, stale: 20_000, update: 5_000, onCompromised: () => {} };
  const held = await lockfile.check(directory, options);
  if (held) context.note(`another process installs ${directory}; waiting for it`);
  for (;;) {
    context.signal?.throwIfAborted();
    try {
      return await lockfile.lock(directory, options);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
  }
}

/** Folders of installers that were killed: their lock is ours now, so nobody works in them. */
async function removeLeftovers(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (entry.startsWith(`${name}.unfinished-`)) await rm(join(parent, entry), { recursive: true, force: true });
  }
}

async function requireLoadable(directory: string, signal: AbortSignal | undefined): Promise<void> {
  examineOrThrow(directory);
  const reason = await whyLibtorchFails(directory, signal);
  if (reason !== null) throw new InstallError(`the libtorch that was installed does not load: ${reason}`);
}

function examineOrThrow(directory: string): LibtorchDescription {
  const found = examineLibtorch(directory);
  if ('rejected' in found) throw new InstallError(`what was installed is not libtorch: ${found.rejected}`);
  return found;
}
