/**
 * Loads the addon, and says what to do where it cannot be loaded.
 *
 * The only place that opens the .node file. Nothing happens at import: commands that need no tensor (`--help`,
 * `doctor`) work without libtorch.
 */
import { createRequire } from 'node:module';
import { NativeLoadError } from '../errors.js';
import type { Addon } from './addon.js';
import { explainLoadFailure, type LoadFailure } from './load-failure.js';
import { describeLibtorch, type LibtorchDescription } from './libtorch.js';
import { packageRoot } from './package-root.js';
import { unsupportedPlatform } from './platform.js';
import { waitShortly } from './waiting.js';

const require = createRequire(import.meta.url);

/** What `doctor` reports of the native side. */
export interface AddonStatus {
  /** The .node file that was loaded or would be; null where there is none. */
  addon: string | null;
  loaded: boolean;
  libtorch: LibtorchDescription | null;
  /** One line each; empty where everything loads. */
  errors: string[];
}

let loaded: { addon: Addon; path: string } | undefined;

/** Path of the .node file node-gyp-build chooses for the package at `root`; throws where there is none. */
function findAddon(root: string): string {
  const nodeGypBuild = require('node-gyp-build') as { path: (directory: string) => string };
  return nodeGypBuild.path(root);
}

function attempt(root: string): { addon: Addon; path: string } | LoadFailure {
  const platform = unsupportedPlatform();
  if (platform !== null) return { kind: 'platform', detail: platform };
  let path: string;
  try {
    path = findAddon(root);
  } catch (error) {
    return { kind: 'no-addon', detail: String(error), libtorch: describeLibtorch(root) !== null };
  }
  waitShortly();
  try {
    return { addon: require(path) as Addon, path };
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    return { kind: 'not-loadable', detail, path, libtorch: describeLibtorch(root) !== null };
  }
}

/**
 * The addon, loaded at the first call and kept.
 *
 * @throws NativeLoadError in one line with the reason and the one command that mends it.
 */
export function loadAddon(): Addon {
  if (loaded !== undefined) return loaded.addon;
  const result = attempt(packageRoot);
  if ('kind' in result) throw new NativeLoadError(explainLoadFailure(result));
  loaded = result;
  return loaded.addon;
}

/** State of addon and libtorch for `doctor`; tries to load, never throws. `root` is the package's folder. */
export function addonStatus(root: string = packageRoot): AddonStatus {
  const libtorch = describeLibtorch(root);
  const result = attempt(root);
  if ('kind' in result) {
    const path = result.kind === 'not-loadable' ? result.path : null;
    return { addon: path, loaded: false, libtorch, errors: [explainLoadFailure(result)] };
  }
  return { addon: result.path, loaded: true, libtorch, errors: [] };
}
