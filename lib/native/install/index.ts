/** Installs what the package needs besides JavaScript: libtorch, its link, and the addon. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createRequire } from 'node:module';
import { InstallError } from '../../errors.js';
import type { LibtorchDescription } from '../libtorch.js';
import { packageRoot } from '../package-root.js';
import { unsupportedPlatform } from '../platform.js';
import { buildAddon } from './build-addon.js';
import { findLibtorch } from './find-libtorch.js';
import { linkLibtorch } from './link-libtorch.js';
import { askAddon } from './load-check.js';
import type { InstallContext, InstallProgress } from './progress.js';

export type { InstallProgress } from './progress.js';

export interface InstallOptions {
  /** Look for libtorch again, and install it again where it comes from pip or an archive. */
  force?: boolean;
  /** Compile the addon even where a prebuilt one loads. */
  build?: boolean;
  signal?: AbortSignal | undefined;
  /** Told one line about each thing that happens. */
  note?: (line: string) => void;
  onProgress?: (progress: InstallProgress) => void;
}

export interface InstallResult {
  libtorch: LibtorchDescription;
  /** Path of the .node file. */
  addon: string;
  /** It was compiled here; false where it was there already or prebuilt. */
  built: boolean;
}

/**
 * Finds or installs libtorch, links it into the package, and compiles the addon unless one that fits is there. In a
 * source checkout the addon is always brought up to date with its sources.
 *
 * @throws InstallError in one line with what is missing and how to mend it; the signal's reason where it aborts.
 */
export async function install(options: InstallOptions = {}): Promise<InstallResult> {
  const context: InstallContext = {
    signal: options.signal,
    note: options.note ?? (() => {}),
    onProgress: options.onProgress ?? (() => {}),
  };
  const platform = unsupportedPlatform();
  if (platform !== null) throw new InstallError(platform);

  const libtorch = await findLibtorch(packageRoot, options.force ?? false, context);
  await linkLibtorch(packageRoot, libtorch.path);
  context.note(`libtorch ${libtorch.version}${libtorch.cuda ? ' with CUDA' : ''}: ${libtorch.path}`);

  const isCheckout = existsSync(join(packageRoot, '.git'));
  if (options.build !== true && !isCheckout) {
    const present = await presentAddon(libtorch, context);
    if (present !== null) return { libtorch, addon: present, built: false };
  }
  await buildAddon(packageRoot, context);
  const addon = join(packageRoot, 'build', 'Release', 'finepune.node');
  const answer = await askAddon(addon, context.signal);
  if (typeof answer === 'string') throw new InstallError(`the addon was compiled but does not load: ${answer}`);
  context.note(`addon: ${addon}`);
  return { libtorch, addon, built: true };
}

/** Path of an addon, compiled earlier or prebuilt, that loads and was made for this very libtorch; else null. */
async function presentAddon(libtorch: LibtorchDescription, context: InstallContext): Promise<string | null> {
  let path: string;
  try {
    const nodeGypBuild = createRequire(import.meta.url)('node-gyp-build') as { path: (directory: string) => string };
    path = nodeGypBuild.path(packageRoot);
  } catch {
    return null;
  }
  const answer = await askAddon(path, context.signal);
  if (typeof answer === 'string') {
    context.note(`compiling, because the addon at hand does not load: ${answer}`);
    return null;
  }
  // libtorch promises no binary compatibility between minor versions, and a mismatch may load all the same.
  if (minorOf(answer.libtorch) !== minorOf(libtorch.version)) {
    context.note(`compiling, because the addon at hand was made for libtorch ${answer.libtorch}`);
    return null;
  }
  if (process.env.FINEPUNE_CUDA === 'ON' && !answer.cuda) {
    context.note('compiling, because FINEPUNE_CUDA is ON and the addon at hand has no CUDA');
    return null;
  }
  context.note(`addon: ${path}`);
  return path;
}

function minorOf(version: string): string {
  return version.split('.').slice(0, 2).join('.');
}
