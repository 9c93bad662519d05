import { join } from 'node:path';
import { cacheDirectory } from '../cache-directory.js';

/** Folder of the decoded-image caches within cacheDirectory(). */
export function imageCacheDirectory(): string {
  return join(cacheDirectory(), 'images');
}
