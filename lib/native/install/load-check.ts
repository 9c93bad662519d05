/**
 * Checks by loading, always in a child: a library that crashes while it is loaded takes the child with it, not the
 * installer.
 */
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import type { AddonInfo } from '../addon.js';
import { runCommand } from './run-command.js';

// Node's dlopen refuses a library that is not an addon only after it was loaded with everything it needs.
const loadLibrary = `
  try { process.dlopen({ exports: {} }, process.argv[1]); }
  catch (error) { if (!/did not self-register/.test(error.message)) { console.log(error.message); process.exit(1); } }`;

const loadAddonAndAsk = 'console.log(JSON.stringify(require(process.argv[1]).info()))';

/** Loads the libraries of the libtorch at `directory`; null where they load, else the reason in one line. */
export async function whyLibtorchFails(directory: string, signal?: AbortSignal): Promise<string | null> {
  for (const name of ['libtorch_cpu.so', 'libtorch_cuda.so']) {
    const library = join(directory, 'lib', name);
    if (name === 'libtorch_cuda.so' && !existsSync(library)) continue;
    const output = await runCommand(process.execPath, ['-e', loadLibrary, library], { signal });
    if (output.status !== 0) return output.lines[0] ?? `${library} ends the process that loads it`;
  }
  return null;
}

/** Loads the .node file at `path` and asks what it is; a string is the reason why it does not load. */
export async function askAddon(path: string, signal?: AbortSignal): Promise<AddonInfo | string> {
  const output = await runCommand(process.execPath, ['-e', loadAddonAndAsk, path], { signal });
  if (output.status === 0) {
    try {
      return JSON.parse(output.stdout) as AddonInfo;
    } catch {
      return `${path} is not this package's addon`;
    }
  }
  const reason = output.lines.find((line) => /^\w*Error: /.test(line))?.replace(/^\w*Error: /, '');
  return reason ?? `${path} ends the process that loads it`;
}
