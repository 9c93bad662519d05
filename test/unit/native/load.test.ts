import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { addonStatus } from '../../../lib/native/load.js';
import { temporaryDirectory, writeFakeLibtorch } from './support.js';

describe('addonStatus', () => {
  it('reports a package where nothing is installed', () => {
    const root = temporaryDirectory();
    expect(addonStatus(root)).toEqual({
      addon: null,
      loaded: false,
      libtorch: null,
      errors: [expect.stringMatching(/not installed.*npx finepune-native install$/)],
    });
  });

  it('reports an addon that does not load, with its path and the libtorch at hand', () => {
    const root = temporaryDirectory();
    writeFakeLibtorch(join(root, 'libtorch'));
    mkdirSync(join(root, 'build/Release'), { recursive: true });
    const addon = join(root, 'build/Release/finepune.node');
    writeFileSync(addon, 'not a library');
    const status = addonStatus(root);
    expect(status).toMatchObject({ addon, loaded: false, libtorch: { version: '2.13.0' } });
    expect(status.errors).toEqual([expect.stringContaining(addon)]);
  });
});
