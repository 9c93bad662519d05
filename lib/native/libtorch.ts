/** What a folder that may be a libtorch says about itself. */
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';

/** Oldest and first unsupported version, as [major, minor]. */
const supportedRange = { from: [2, 11], before: [2, 15], text: '2.11 to 2.14' } as const;

/** A libtorch on disk. */
export interface LibtorchDescription {
  /** Real path, links resolved. */
  path: string;
  /** "2.13.0". */
  version: string;
  /** Built with CUDA. */
  cuda: boolean;
}

/** Why a folder is not a libtorch this package can use: one clause. */
export interface LibtorchRejection {
  rejected: string;
}

/** Looks at `directory` (the folder with lib/ and include/); gives its description, or why it cannot be used. */
export function examineLibtorch(directory: string): LibtorchDescription | LibtorchRejection {
  for (const file of ['lib/libtorch_cpu.so', 'lib/libc10.so', 'include/ATen/ATen.h']) {
    if (!existsSync(join(directory, file))) return { rejected: `${directory} has no ${file}` };
  }
  const version = readVersion(directory);
  if (version === null) return { rejected: `${directory} does not say which version it is` };
  if (!isSupported(version)) {
    return { rejected: `${directory} is libtorch ${version}, and the supported range is ${supportedRange.text}` };
  }
  return { path: realpathSync(directory), version, cuda: existsSync(join(directory, 'lib/libtorch_cuda.so')) };
}

/** One line: why the folder that LIBTORCH names cannot be used, and how to mend it. */
export function explainNamed({ rejected }: LibtorchRejection): string {
  return `LIBTORCH cannot be used: ${rejected}; set it to a libtorch folder, or unset it`;
}

/** The libtorch linked into the package at `root`, or null. */
export function describeLibtorch(root: string): LibtorchDescription | null {
  const found = examineLibtorch(join(root, 'libtorch'));
  return 'rejected' in found ? null : found;
}

/** Whether "MAJOR.MINOR..." lies in the supported range. */
export function isSupported(version: string): boolean {
  const [major = Number.NaN, minor = Number.NaN] = version.split('.').map(Number);
  const number = major * 1000 + minor;
  return (
    number >= supportedRange.from[0] * 1000 + supportedRange.from[1] &&
    number < supportedRange.before[0] * 1000 + supportedRange.before[1]
  );
}

function readVersion(directory: string): string | null {
  let text: string;
  try {
    text = readFileSync(join(directory, 'include/torch/headeronly/version.h'), 'utf8');
  } catch {
    return null;
  }
  const parts = ['MAJOR', 'MINOR', 'PATCH'].map((part) => new RegExp(`TORCH_VERSION_${part} (\\d+)`).exec(text)?.[1]);
  return parts.includes(undefined) ? null : parts.join('.');
}
