import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';

/** A folder that is gone after the test. */
export async function temporaryFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'finepune-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** A small PNG of one colour; `shade` tells images apart. */
export function plainPng(shade: number, size = 8): Promise<Buffer> {
  const background = { r: shade % 256, g: (shade * 7) % 256, b: (shade >> 8) % 256 };
  return sharp({ create: { width: size, height: size, channels: 3, background } })
    .png()
    .toBuffer();
}

let made = 0;

/** Writes one image, different from every other, below `root`. */
export async function addImage(root: string, ...parts: string[]): Promise<string> {
  const path = join(root, ...parts);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, await plainPng(++made));
  return path;
}

/** Writes `count` images into a class folder. */
export async function addClass(root: string, folder: string, count: number): Promise<void> {
  for (let i = 0; i < count; i++) await addImage(root, folder, `${i}.png`);
}

/** What a rejected promise was rejected with. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected a rejection');
}
