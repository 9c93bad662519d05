import { mkdirSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { linkLibtorch } from '../../../lib/native/install/link-libtorch.js';
import { temporaryDirectory, writeFakeLibtorch } from './support.js';

describe('linkLibtorch', () => {
  it('makes the link, replaces it, and leaves nothing else behind', async () => {
    const root = temporaryDirectory();
    await linkLibtorch(root, '/first');
    await linkLibtorch(root, '/second');
    expect(readlinkSync(join(root, 'libtorch'))).toBe('/second');
    expect(readdirSync(root)).toEqual(['libtorch']);
  });

  it('keeps a real folder that is the libtorch itself', async () => {
    const root = temporaryDirectory();
    writeFakeLibtorch(join(root, 'libtorch'));
    await expect(linkLibtorch(root, join(root, 'libtorch'))).resolves.toBeUndefined();
  });

  it('refuses to replace a folder', async () => {
    const root = temporaryDirectory();
    mkdirSync(join(root, 'libtorch'));
    await expect(linkLibtorch(root, '/first')).rejects.toThrow(/libtorch is in the way of the link to \/first; move it/);
  });
});
