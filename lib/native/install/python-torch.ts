import { examineLibtorch, type LibtorchDescription, type LibtorchRejection } from '../libtorch.js';
import { runCommand } from './run-command.js';
import { whyLibtorchFails } from './load-check.js';

// find_spec looks without importing: importing torch costs seconds and may fail for reasons that do not matter here.
const findTorch = `
from importlib.util import find_spec
spec = find_spec("torch")
print(spec.submodule_search_locations[0] if spec and spec.submodule_search_locations else "")`;

/** Programs that may be Python 3, in the order tried. */
export const pythonNames = ['python3', 'python'];

/**
 * The torch installed for the Python on PATH: its description, why it cannot serve, or null where there is no Python
 * or no torch.
 */
export async function findPythonTorch(signal?: AbortSignal): Promise<LibtorchDescription | LibtorchRejection | null> {
  for (const python of pythonNames) {
    const output = await runCommand(python, ['-c', findTorch], { signal });
    if (output.status !== 0) continue;
    const directory = output.stdout.trim();
    if (directory === '') return null;
    const found = examineLibtorch(directory);
    if ('rejected' in found) return found;
    const reason = await whyLibtorchFails(found.path, signal);
    return reason === null ? found : { rejected: `${directory} does not load (${reason})` };
  }
  return null;
}
