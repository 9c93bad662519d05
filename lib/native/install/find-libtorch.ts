import { InstallError, messageOf } from '../../errors.js';
import { describeLibtorch, examineLibtorch, explainNamed, type LibtorchDescription } from '../libtorch.js';
import { archiveSource, installFromArchive } from './archive.js';
import { cachedLibtorch } from './libtorch-cache.js';
import { installFromPip, pinnedVersion } from './pip-wheel.js';
import { findPythonTorch } from './python-torch.js';
import { whyLibtorchFails } from './load-check.js';
import type { InstallContext } from './progress.js';

/**
 * A libtorch to use, found or installed, in this order: the folder LIBTORCH names, the one linked already, the archive
 * FINEPUNE_LIBTORCH_URL names, the torch of the Python on PATH, the pinned wheel through pip, PyTorch's C++ archive.
 * The last two and the named archive are installed into the per-user cache.
 *
 * @param root folder of the package
 * @param force install or look again even where one is linked or cached
 * @throws InstallError where the one named cannot be used, or none can be had.
 */
export async function findLibtorch(root: string, force: boolean, context: InstallContext): Promise<LibtorchDescription> {
  const named = process.env.LIBTORCH;
  if (named) return useNamed(named, context.signal);

  const linked = describeLibtorch(root);
  if (linked !== null && !force) return linked;

  const source = archiveSource();
  if (process.env.FINEPUNE_LIBTORCH_URL) {
    return cachedLibtorch(source.cacheName, force, context, (directory) =>
      installFromArchive(source, directory, context),
    );
  }

  const python = await findPythonTorch(context.signal);
  if (python !== null) {
    if (!('rejected' in python)) return python;
    context.note(`passing over Python's torch: ${python.rejected}`);
  }
  return cachedLibtorch(`${pinnedVersion}-cpu`, force, context, async (directory) => {
    try {
      await installFromPip(directory, context);
    } catch (error) {
      context.signal?.throwIfAborted();
      if (isAboutDisk(error)) throw error;
      context.note(messageOf(error));
      await installFromArchive(source, directory, context).catch((second: unknown) => {
        context.signal?.throwIfAborted();
        throw new InstallError(
          `libtorch cannot be had: ${messageOf(error)}; ${messageOf(second)}; or set LIBTORCH to a folder that has it`,
          { cause: second },
        );
      });
    }
  });
}

async function useNamed(directory: string, signal: AbortSignal | undefined): Promise<LibtorchDescription> {
  const found = examineLibtorch(directory);
  if ('rejected' in found) throw new InstallError(explainNamed(found));
  const reason = await whyLibtorchFails(found.path, signal);
  if (reason !== null) throw new InstallError(`LIBTORCH cannot be used: ${reason}; set it to another folder, or unset it`);
  return found;
}

/** The archive is larger than the wheel: a disk too small for one is too small for the other. */
function isAboutDisk(error: unknown): boolean {
  return error instanceof InstallError && /GB free|ENOSPC|cannot write/.test(error.message);
}
