/** `pack` and `unpack` as a user calls them: from any weight file to the small format and back. */
import { existsSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { PackResult } from '../../lib/models/index.js';
import { readWeights, writeSafetensors } from '../../lib/models/index.js';
import { fixture, temporaryFolder } from '../unit/models/support.js';
import { runCli } from './support/cli.js';

/** A layer of which every tenth weight is left, one of the pruned with a sign. */
async function prunedFile(folder: string): Promise<string> {
  const path = join(folder, 'pruned.safetensors');
  const data = Float32Array.from({ length: 20_000 }, (_, index) => (index % 10 === 0 ? Math.sin(index) : 0));
  data[1] = -0;
  await writeSafetensors(path, [{ name: 'fc.weight', dtype: 'F32', shape: [100, 200], data }]);
  return path;
}

const bitsOf = async (path: string): Promise<Uint32Array> => {
  const { data } = (await readWeights(path)).tensors.get('fc.weight')!;
  return new Uint32Array(data.buffer, data.byteOffset, data.length);
};

describe('pack and unpack', () => {
  it('give the same bits back, and say what they saved', async () => {
    const folder = temporaryFolder();
    const path = await prunedFile(folder);
    const [packed, back] = [join(folder, 'packed.safetensors'), join(folder, 'back.safetensors')];
    const { status, stdout } = await runCli(['pack', path, packed]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/1 tensors?, .*smaller/);
    expect(stdout).toContain('--drop-zero-signs');
    const unpacked = await runCli(['unpack', packed, back, '--json']);
    expect(unpacked.status).toBe(0);
    const result = JSON.parse(unpacked.stdout) as PackResult;
    expect(result.bytesBefore).toBe(statSync(packed).size);
    expect(result.bytes).toBe(statSync(back).size);
    expect(result.bytesBefore).toBeLessThan(0.2 * result.bytes);
    expect(await bitsOf(back)).toEqual(await bitsOf(path));
  });

  it('take a PyTorch checkpoint, which inspect then describes by layer', async () => {
    const folder = temporaryFolder();
    const packed = join(folder, 'packed.safetensors');
    expect((await runCli(['pack', fixture('plain.pth'), packed])).status).toBe(0);
    const inspect = async (path: string): Promise<{ layers: { name: string }[]; total: Record<string, number> }> => {
      const { status, stdout } = await runCli(['inspect', path, '--json']);
      expect(status, path).toBe(0);
      return JSON.parse(stdout) as { layers: { name: string }[]; total: Record<string, number> };
    };
    const [before, after] = [await inspect(fixture('plain.pth')), await inspect(packed)];
    expect(after.layers.map(({ name }) => name)).toEqual(['conv']);
    expect(after.total).toMatchObject({ parameters: before.total.parameters, kept: before.total.kept });
  });

  it('round to a codebook and drop the signs of zeros where asked', async () => {
    const folder = temporaryFolder();
    const path = await prunedFile(folder);
    const packed = join(folder, 'packed.safetensors');
    const { status } = await runCli(['pack', path, packed, '--values', 'cb4', '--drop-zero-signs', '--json']);
    expect(status).toBe(0);
    const bits = await bitsOf(packed);
    expect(bits).not.toContain(0x8000_0000);
    expect(new Set(bits).size).toBeLessThanOrEqual(1 + 16);
  });

  it('leave nothing behind where they refuse', async () => {
    const folder = temporaryFolder();
    const path = await prunedFile(folder);
    const out = join(folder, 'out.safetensors');
    const cut = join(folder, 'cut.safetensors');
    writeFileSync(cut, readFileSync(path).subarray(0, 5000));
    mkdirSync(join(folder, 'folder'));
    const before = readdirSync(folder);
    for (const [words, status, hint] of [
      [['pack', path, out, '--values', 'cb9'], 2, 'cb8'],
      [['pack', join(folder, 'nowhere.safetensors'), out], 1, 'nowhere.safetensors'],
      [['pack', cut, out], 1, 'cut.safetensors'],
      [['pack', path, join(folder, 'folder')], 1, 'folder'],
      [['unpack', path, out], 1, 'nothing to unpack'],
    ] as const) {
      const outcome = await runCli(words);
      expect(outcome.status, words.join(' ')).toBe(status);
      expect(outcome.stderr, words.join(' ')).toContain(hint);
      expect(outcome.stderr.trim().split('\n'), words.join(' ')).toHaveLength(1);
    }
    expect(existsSync(out)).toBe(false);
    expect(readdirSync(folder)).toEqual(before);
  });
});
