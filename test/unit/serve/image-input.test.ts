import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { ImageError } from '../../../lib/errors.js';
import { readImage, type ImageInput } from '../../../lib/serve/image-input.js';

const GEOMETRY = { size: 2, channels: 3 } as const;
const RED = Uint8Array.from([200, 0, 0, 200, 0, 0, 200, 0, 0, 200, 0, 0]);
const RGBA = Uint8ClampedArray.from({ length: 64 }, (_, index) => [200, 0, 0, 255][index % 4]);

let file: Buffer;
let path = '';
beforeAll(async () => {
  file = await sharp({ create: { width: 4, height: 4, channels: 3, background: { r: 200, g: 0, b: 0 } } })
    .png()
    .toBuffer();
  path = join(mkdtempSync(join(tmpdir(), 'finepune-image-input-')), 'red %.png');
  writeFileSync(path, file);
});

/** A copy that fills an ArrayBuffer. */
const exact = (): Uint8Array<ArrayBuffer> => new Uint8Array(file);

describe('readImage', () => {
  it.each<[string, () => ImageInput]>([
    ['a path', () => path],
    ['a file: URL', () => pathToFileURL(path)],
    ['a Buffer', () => file],
    ['an ArrayBuffer', () => exact().buffer],
    ['a Uint8ClampedArray', () => new Uint8ClampedArray(exact().buffer)],
    ['a Blob', () => new Blob([exact()])],
    ['pixels', () => ({ data: RGBA, width: 4, height: 4, channels: 4 })],
    ["pixels as a canvas's ImageData has them", () => ({ data: RGBA, width: 4, height: 4 })],
    [
      'pixels without alpha',
      () => ({ data: Uint8Array.from(RGBA.filter((_, index) => index % 4 !== 3)), width: 4, height: 4, channels: 3 }),
    ],
  ])('takes %s', async (_, image) => {
    expect(new Uint8Array(await readImage(image(), GEOMETRY))).toEqual(RED);
  });

  it.each<[unknown, RegExp]>([
    [undefined, /expected a path, .* but received undefined/],
    ['', /expected a path, .* but received ""/],
    [5, /expected a path, .* but received 5/],
    [new Date(), /expected a path, .* but received an instance of Date/],
    [Promise.resolve('a.png'), /expected a path, .* but received an instance of Promise/],
    [new Float32Array(4), /expected a path, .* but received an instance of Float32Array/],
    [{}, /expected a path, .* but received an object/],
    [new URL('https://example.org/a.png'), /https:\/\/example.org\/a.png is no file: URL; give the image's bytes/],
    [
      { data: RGBA, width: 4 },
      /expected width and height of 1 or more and 1, 3 or 4 channels but received 4 x undefined x 4/,
    ],
    [{ data: RGBA, width: 4, height: 4, channels: '4' }, /but received 4 x 4 x "4"/],
    [
      { data: [1, 2], width: 1, height: 1 },
      /expected a Uint8Array or Uint8ClampedArray for data but received an array/,
    ],
    [{ data: RGBA, width: 4, height: 4, channels: 3 }, /expected 48 bytes for 4 x 4 x 3 pixels but received 64/],
  ])('refuses %s with what it received', async (image, message) => {
    const answer = readImage(image as ImageInput, GEOMETRY);
    await expect(answer).rejects.toThrow(ImageError);
    await expect(answer).rejects.toThrow(message);
  });

  it('refuses an ArrayBuffer that was given away with an ImageError', async () => {
    const { buffer } = exact();
    structuredClone(buffer, { transfer: [buffer] });
    await expect(readImage(buffer, GEOMETRY)).rejects.toThrow(ImageError);
  });
});
