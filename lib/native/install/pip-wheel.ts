import { mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InstallError } from '../../errors.js';
import { requireSpaceForLibtorch } from './disk-space.js';
import { startProgress, type InstallContext } from './progress.js';
import { pythonNames } from './python-torch.js';
import { runCommand } from './run-command.js';
import { placeOfEntry } from './libtorch-files.js';
import { unzip } from './unzip.js';

/** The wheel whose libtorch is installed where the user has none. */
export const pinnedVersion = '2.13.0';
const requirement = `torch==${pinnedVersion}+cpu`;

// Nothing of the wheel is run by Python, so the version of the one at hand does not matter: one that exists is named.
const wheelTags = ['--only-binary=:all:', '--implementation=cp', '--python-version=3.11', '--abi=cp311'];
const platformTags = ['--platform=manylinux_2_28_x86_64', '--platform=linux_x86_64'];

// The wheel and what is unpacked from it, side by side for a moment.
const NEEDED_BYTES = 700e6;

/**
 * Takes the pinned CPU wheel through pip, with the user's configuration of pip, and unpacks its libtorch.
 * @throws InstallError where there is no Python 3 with pip, or pip cannot get the wheel.
 */
export async function installFromPip(directory: string, context: InstallContext): Promise<void> {
  const python = await findPip(context.signal);
  await requireSpaceForLibtorch(dirname(directory), NEEDED_BYTES);
  const downloads = join(directory, 'download');
  await mkdir(downloads);
  context.note(`taking ${requirement} through pip (190 MB where it is not cached)`);
  const args = ['-m', 'pip', 'download', '--no-deps', '--retries=1', '--progress-bar=off', '--dest', downloads];
  const output = await runCommand(python, [...args, ...wheelTags, ...platformTags, requirement], context);
  const wheel = (await readdir(downloads)).find((name) => name.endsWith('.whl'));
  if (output.status !== 0 || wheel === undefined) {
    const reason = output.lines.findLast((line) => /^ERROR/.test(line)) ?? output.lines.at(-1) ?? 'no reason given';
    throw new InstallError(`pip cannot get ${requirement}: ${reason.replace(/^ERROR: /, '')}`);
  }
  await unzip(join(downloads, wheel), directory, {
    place: (entry) => placeOfEntry('torch', entry),
    onSize: (bytes) => requireSpaceForLibtorch(dirname(directory), bytes),
    onProgress: startProgress(context, 'unpacking libtorch', 'bytes'),
    signal: context.signal,
  });
  await rm(downloads, { recursive: true });
}

async function findPip(signal: AbortSignal | undefined): Promise<string> {
  let sawPython = false;
  for (const python of pythonNames) {
    const output = await runCommand(python, ['-m', 'pip', '--version'], { signal });
    if (output.status === 0) return python;
    sawPython ||= !output.notFound;
  }
  throw new InstallError(
    sawPython
      ? 'Python has no pip; install it, e.g. apt-get install python3-pip'
      : 'no Python 3 was found; install it with pip, e.g. apt-get install python3-pip',
  );
}
