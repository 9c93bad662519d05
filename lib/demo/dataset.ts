import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import sharp from 'sharp';
import { FileError, messageOf } from '../errors.js';
import { forEachParallel } from '../data/pool.js';
import { families, renderTexture, type Domain } from './textures.js';

/** Raised whenever the pictures of the same settings change. */
const GENERATOR_VERSION = 3;

const MANIFEST = 'manifest.json';

export interface DemoDatasetOptions {
  domain: Domain;
  /** Images of a class in each part. */
  perClass: { train: number; val: number; test: number };
  seed: number;
  /** Height and width in pixels. */
  size: number;
  /** Images written at once; the number of cores where absent. */
  concurrency?: number | undefined;
  signal?: AbortSignal | undefined;
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
}

/** Written last: a folder with a manifest of the same settings whose files are all there is complete. */
interface Manifest {
  settings: string;
  /** Bytes of each file by its path within the folder. */
  files: Record<string, number>;
}

/**
 * Writes the demo's images as DIR/{train,val,test}/CLASS/NNNN.png. The pixels are a function of the options' domain,
 * perClass, seed and size alone. A folder that holds them already is left as it is.
 *
 * @returns whether the images were there already.
 * @throws AbortedError on the signal; FileError where the folder cannot be written.
 */
export async function writeDemoDataset(directory: string, options: DemoDatasetOptions): Promise<boolean> {
  const root = resolve(directory);
  const { domain, perClass, seed, size } = options;
  const settings = createHash('sha256')
    .update(JSON.stringify([GENERATOR_VERSION, domain, perClass.train, perClass.val, perClass.test, seed, size]))
    .digest('hex');
  const tasks = Object.entries(perClass).flatMap(([part, count]) =>
    Object.keys(families[domain]).flatMap((name) =>
      Array.from({ length: count }, (_, index) => ({ part, name, index })),
    ),
  );
  if (await isComplete(root, settings, tasks.length)) {
    options.onProgress?.({ done: tasks.length, total: tasks.length });
    return true;
  }
  const files: Record<string, number> = {};
  try {
    // Without its manifest the folder counts as unfinished while files change.
    await rm(join(root, MANIFEST), { force: true });
    for (const part of Object.keys(perClass)) {
      for (const name of Object.keys(families[domain])) await mkdir(join(root, part, name), { recursive: true });
    }
    let done = 0;
    const pool = {
      concurrency: options.concurrency ?? availableParallelism(),
      signal: options.signal,
      doing: 'drawing the demo images',
    };
    await forEachParallel(tasks, pool, async ({ part, name, index }) => {
      const pixels = renderTexture(domain, name, size, `${seed} ${domain} ${part} ${name} ${index}`);
      const png = await sharp(pixels, { raw: { width: size, height: size, channels: 3 } })
        .png({ compressionLevel: 1 })
        .toBuffer();
      const file = join(part, name, `${String(index).padStart(4, '0')}.png`);
      await writeWhole(join(root, file), png, false);
      files[file] = png.length;
      done += 1;
      options.onProgress?.({ done, total: tasks.length });
    });
    await removeStrays(root, files);
    const manifest: Manifest = { settings, files };
    await writeWhole(join(root, MANIFEST), Buffer.from(JSON.stringify(manifest)), true);
    return false;
  } catch (error) {
    if (typeof (error as NodeJS.ErrnoException).syscall !== 'string') throw error;
    throw new FileError(
      `${root}: the demo images cannot be written (${messageOf(error)}); free some space or set FINEPUNE_CACHE to another folder`,
      root,
      { cause: error },
    );
  }
}

async function isComplete(root: string, settings: string, count: number): Promise<boolean> {
  try {
    const manifest = JSON.parse(await readFile(join(root, MANIFEST), 'utf8')) as Manifest;
    const entries = Object.entries(manifest.files);
    if (manifest.settings !== settings || entries.length !== count) return false;
    for (const [file, bytes] of entries) {
      if ((await stat(join(root, file))).size !== bytes) return false;
    }
    return true;
  } catch {
    return false;
  }
}

/** Removes images that other settings left in the same class folders. */
async function removeStrays(root: string, files: Record<string, number>): Promise<void> {
  const folders = new Set(Object.keys(files).map((file) => dirname(file)));
  for (const folder of folders) {
    for (const name of await readdir(join(root, folder))) {
      if (name.endsWith('.png') && !(join(folder, name) in files)) await rm(join(root, folder, name), { force: true });
    }
  }
}

/** Under a temporary name first, so that two processes writing the same image never show half of one. */
async function writeWhole(path: string, bytes: Buffer, durable: boolean): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  const file = await open(temporary, 'w');
  try {
    await file.writeFile(bytes);
    if (durable) await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
