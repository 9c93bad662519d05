import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, it, vi } from 'vitest';
import { scanDataset } from '../../../lib/data/index.js';
import { writeDemoDataset } from '../../../lib/demo/index.js';
import { AbortedError } from '../../../lib/errors.js';
import { rejection, temporaryFolder } from '../data/fixtures.js';

const SETTINGS = { domain: 'target', perClass: { train: 2, val: 1, test: 3 }, seed: 4, size: 16 } as const;

async function contents(root: string): Promise<Map<string, string>> {
  const names = (await readdir(root, { recursive: true })).filter((name) => name.endsWith('.png')).sort();
  return new Map(
    await Promise.all(names.map(async (name) => [name, (await readFile(join(root, name))).toString('hex')] as const)),
  );
}

it('writes images that scan as train, val and test of six classes', async () => {
  const root = await temporaryFolder();
  const onProgress = vi.fn();
  expect(await writeDemoDataset(root, { ...SETTINGS, onProgress })).toBe(false);
  const dataset = await scanDataset(root, { seed: 1 });
  expect(dataset.layout).toBe('splits');
  expect([dataset.labels.length, dataset.fit.length, dataset.tune.length, dataset.test.length]).toEqual([6, 12, 6, 18]);
  expect(onProgress).toHaveBeenCalledTimes(36);
  expect(onProgress).toHaveBeenLastCalledWith({ done: 36, total: 36 });
  const { width, height, channels } = await sharp(dataset.fit[0].path).metadata();
  expect([width, height, channels]).toEqual([16, 16, 3]);
  expect(new Set((await contents(root)).values()).size).toBe(36);
});

it('writes the same images whatever the concurrency, and others for another seed', async () => {
  const [a, b, c] = [await temporaryFolder(), await temporaryFolder(), await temporaryFolder()];
  await writeDemoDataset(a, { ...SETTINGS, concurrency: 1 });
  await writeDemoDataset(b, { ...SETTINGS, concurrency: 7 });
  await writeDemoDataset(c, { ...SETTINGS, seed: 5 });
  expect(await contents(a)).toEqual(await contents(b));
  expect([...(await contents(a)).keys()]).toEqual([...(await contents(c)).keys()]);
  expect(await contents(a)).not.toEqual(await contents(c));
});

it('reuses a complete folder and repairs any other', async () => {
  const root = await temporaryFolder();
  await writeDemoDataset(root, SETTINGS);
  const whole = await contents(root);
  expect(await writeDemoDataset(root, SETTINGS)).toBe(true);
  const victim = join(root, [...whole.keys()][0]);
  for (const damage of [() => rm(victim), () => writeFile(victim, ''), () => rm(join(root, 'manifest.json'))]) {
    await damage();
    expect(await writeDemoDataset(root, SETTINGS)).toBe(false);
    expect(await contents(root)).toEqual(whole);
  }
});

it('leaves nothing of other settings in the folder', async () => {
  const root = await temporaryFolder();
  await writeDemoDataset(root, SETTINGS);
  await writeDemoDataset(root, { ...SETTINGS, perClass: { train: 1, val: 1, test: 1 } });
  expect((await contents(root)).size).toBe(18);
});

it('stops on the signal, and the folder does not count as complete', async () => {
  const root = await temporaryFolder();
  const controller = new AbortController();
  const options = { ...SETTINGS, signal: controller.signal, onProgress: () => controller.abort(), concurrency: 1 };
  expect(await rejection(writeDemoDataset(root, options))).toBeInstanceOf(AbortedError);
  expect(await writeDemoDataset(root, SETTINGS)).toBe(false);
});
