export { cacheDirectory, imageCacheDirectory } from './cache-directory.js';
export { cacheBudget, cacheReport, type CacheReport } from './cache-size.js';
export { scanDataset, type ScanOptions } from './dataset.js';
export { decodeImage, resizePixels, type ImageGeometry } from './decode.js';
export { openImageCache, type ImageCacheOptions } from './image-cache.js';
export { Random } from './random.js';
export { samplesOf, type Samples } from './samples.js';
export type { Dataset, ImageCache, Item, Layout, PartName, SkippedImage } from './types.js';
