import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unzip } from '../../../lib/native/install/unzip.js';
import { filesBelow, temporaryDirectory, writeZip } from './support.js';

const everything = { place: (entry: string) => entry };

async function zipOf(files: Record<string, string>, record?: (path: string, hash: string) => string): Promise<string> {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'source'));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, 'source', name), text);
  const archive = join(directory, 'archive.zip');
  await writeZip(archive, join(directory, 'source'), 'torch', record);
  return archive;
}

describe('unzip', () => {
  it('writes what is given a place, and nothing else', async () => {
    const archive = await zipOf({ a: 'one', b: 'two' });
    const target = temporaryDirectory();
    const sizes: number[] = [];
    await unzip(archive, target, {
      place: (entry) => (entry === 'torch/a' ? 'lib/a' : null),
      onSize: (bytes) => Promise.resolve(void sizes.push(bytes)),
    });
    expect(filesBelow(target)).toEqual(['lib/a']);
    expect(readFileSync(join(target, 'lib/a'), 'utf8')).toBe('one');
    expect(sizes).toEqual([3]);
  });

  it('refuses a file whose SHA-256 is not the one in RECORD', async () => {
    const archive = await zipOf({ a: 'one' }, () => 'A'.repeat(43));
    await expect(unzip(archive, temporaryDirectory(), everything)).rejects.toThrow(/torch\/a: wrong SHA-256.*delete it/);
  });

  it('accepts files whose SHA-256 is the one in RECORD', async () => {
    const archive = await zipOf({ a: 'one' }, (_path, hash) => hash);
    const target = temporaryDirectory();
    await unzip(archive, target, { place: (entry) => (entry.startsWith('torch/') ? entry : null) });
    expect(filesBelow(target)).toEqual(['torch/a']);
  });

  it('refuses a file with flipped bits', async () => {
    const archive = await zipOf({ a: 'x'.repeat(5000) });
    const bytes = readFileSync(archive);
    // The local header is 30 bytes and the name; the compressed data follow.
    const position = 30 + 'torch/a'.length + 2;
    bytes[position] = (bytes[position] ?? 0) ^ 0x10;
    writeFileSync(archive, bytes);
    await expect(unzip(archive, temporaryDirectory(), everything)).rejects.toThrow(/archive\.zip is damaged/);
  });

  it('refuses an archive that was cut off', async () => {
    const archive = await zipOf({ a: 'x'.repeat(5000) });
    writeFileSync(archive, readFileSync(archive).subarray(0, 100));
    await expect(unzip(archive, temporaryDirectory(), everything)).rejects.toThrow(/is damaged .*delete it/);
  });
});
