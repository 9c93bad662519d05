import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { download } from './download.js';
import { libtorchCacheDirectory } from './libtorch-cache.js';
import { requireSpaceForLibtorch } from './disk-space.js';
import { placeOfEntry } from './libtorch-files.js';
import { pinnedVersion } from './pip-wheel.js';
import { startProgress, type InstallContext } from './progress.js';
import { unzip } from './unzip.js';

const officialUrl = `https://download.pytorch.org/libtorch/cpu/libtorch-shared-with-deps-${pinnedVersion}%2Bcpu.zip`;

/** Where the C++ archive comes from. */
export interface ArchiveSource {
  url: string;
  /** Hex; undefined where nobody told it, and then CRCs and a trial of loading must do. */
  sha256: string | undefined;
  /** Name of its folder in the cache. */
  cacheName: string;
}

/** PyTorch's own archive, or the one of FINEPUNE_LIBTORCH_URL (and FINEPUNE_LIBTORCH_SHA256). */
export function archiveSource(env: NodeJS.ProcessEnv = process.env): ArchiveSource {
  const url = env.FINEPUNE_LIBTORCH_URL;
  if (!url) return { url: officialUrl, sha256: undefined, cacheName: `${pinnedVersion}-cpu` };
  const digest = createHash('sha256').update(url).digest('hex').slice(0, 12);
  return { url, sha256: env.FINEPUNE_LIBTORCH_SHA256, cacheName: `archive-${digest}` };
}

/**
 * Downloads the C++ archive (going on where an earlier attempt was cut) and unpacks it into `directory`.
 * @throws InstallError where it cannot be had or is damaged.
 */
export async function installFromArchive(
  source: ArchiveSource,
  directory: string,
  context: InstallContext,
): Promise<void> {
  // Outside `directory`, which does not outlive a failure.
  const name = decodeURIComponent(basename(new URL(source.url).pathname)) || 'libtorch.zip';
  const file = join(libtorchCacheDirectory('downloads'), `${source.cacheName}-${name}`);
  context.note(`downloading ${source.url}`);
  await download(source.url, file, {
    sha256: source.sha256,
    signal: context.signal,
    onProgress: startProgress(context, 'downloading libtorch', 'bytes'),
  });
  try {
    await unzip(file, directory, {
      place: (entry) => placeOfEntry('libtorch', entry),
      onSize: (bytes) => requireSpaceForLibtorch(dirname(directory), bytes),
      onProgress: startProgress(context, 'unpacking libtorch', 'bytes'),
      signal: context.signal,
    });
  } finally {
    // Unpacked or damaged: of no use either way.
    if (context.signal?.aborted !== true) await rm(file, { force: true });
  }
}
