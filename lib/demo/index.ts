export { demoAssets, type DemoAssets } from './assets.js';
export { writeDemoDataset, type DemoDatasetOptions } from './dataset.js';
export { families, renderTexture, type Domain } from './textures.js';
