import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheDirectory } from '../cache-directory.js';
import { writeDemoDataset } from './dataset.js';

/** What `tune` without arguments works on. */
export interface DemoAssets {
  /** Folder in the layout {train,val,test}/CLASS of the target domain's images. */
  dataDirectory: string;
  /** Name in models/. */
  model: 'demo';
  /** Weights pre-trained on the source domain. */
  weights: string;
}

/** Size of the demo's pictures in pixels. */
export const DEMO_IMAGE_SIZE = 64;

/** Images of each class of the target domain. */
const DEMO_PER_CLASS = { train: 150, val: 80, test: 200 };

/**
 * Draws the demo's images into the per-user cache, or finds them there, and gives the paths of all the demo needs. The
 * images do not depend on a run's seed.
 */
export async function demoAssets(
  options: {
    signal?: AbortSignal | undefined;
    onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
  } = {},
): Promise<DemoAssets> {
  const dataDirectory = join(cacheDirectory(), 'demo', 'target');
  await writeDemoDataset(dataDirectory, {
    domain: 'target',
    perClass: DEMO_PER_CLASS,
    seed: 1,
    size: DEMO_IMAGE_SIZE,
    ...options,
  });
  const weights = fileURLToPath(new URL('../../models/demo.safetensors', import.meta.url));
  return { dataDirectory, model: 'demo', weights };
}
