import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { describe, expect, it } from 'vitest';
import { decodeImage } from '../../../lib/data/index.js';
import { ImageError, UsageError } from '../../../lib/errors.js';
import { rejection, temporaryFolder } from './fixtures.js';

/** Four flat quadrants: red, green / blue, grey. */
const COLOURS = [
  [200, 40, 30],
  [20, 180, 60],
  [30, 50, 220],
  [120, 120, 120],
] as const;
const SIDE = 32;

function quadrants(): Sharp {
  const data = Buffer.alloc(SIDE * SIDE * 3);
  for (let i = 0; i < SIDE * SIDE; i++) {
    const quadrant = (i % SIDE >= SIDE / 2 ? 1 : 0) + (i >= (SIDE * SIDE) / 2 ? 2 : 0);
    data.set(COLOURS[quadrant], i * 3);
  }
  return sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } });
}

/** Colours in the middles of the quadrants of a decoded square. */
function middles(pixels: Uint8Array, size: number, channels: number): number[][] {
  const [low, high] = [Math.floor(size / 4), Math.floor((3 * size) / 4)];
  return [
    [low, low],
    [low, high],
    [high, low],
    [high, high],
  ].map(([row, column]) => [...pixels.subarray((row * size + column) * channels).subarray(0, channels)]);
}

function expectColours(actual: number[][], expected: readonly (readonly number[])[], tolerance: number): void {
  actual.forEach((colour, quadrant) =>
    colour.forEach((value, c) => expect(Math.abs(value - expected[quadrant][c])).toBeLessThanOrEqual(tolerance)),
  );
}

const decode = async (bytes: Uint8Array) => middles(await decodeImage(bytes, { size: 16, channels: 3 }), 16, 3);

describe('formats', () => {
  it.each([
    ['JPEG', () => quadrants().jpeg({ quality: 95 }), 12],
    ['progressive greyscale-free JPEG', () => quadrants().jpeg({ quality: 95, progressive: true }), 12],
    ['PNG', () => quadrants().png(), 0],
    ['palette PNG', () => quadrants().png({ palette: true }), 2],
    ['TIFF', () => quadrants().tiff({ compression: 'lzw' }), 0],
    ['WebP', () => quadrants().webp({ lossless: true }), 0],
    ['16-bit PNG', () => quadrants().toColourspace('rgb16').png(), 1],
    ['16-bit TIFF', () => quadrants().toColourspace('rgb16').tiff({ compression: 'none' }), 1],
  ] as const)('reads %s', async (_, make, tolerance) => {
    expectColours(await decode(await make().toBuffer()), COLOURS, tolerance);
  });

  it('reads a CMYK JPEG as RGB', async () => {
    const bytes = await quadrants().toColourspace('cmyk').jpeg({ quality: 95 }).toBuffer();
    expect((await sharp(bytes).metadata()).space).toBe('cmyk');
    // Inks reach fewer colours: only the order of the channels is held.
    const [red, green, blue, grey] = await decode(bytes);
    expect(red.indexOf(Math.max(...red))).toBe(0);
    expect(green.indexOf(Math.max(...green))).toBe(1);
    expect(blue.indexOf(Math.max(...blue))).toBe(2);
    expect(Math.max(...grey) - Math.min(...grey)).toBeLessThan(20);
  });

  it('reads greyscale of 1, 8 and 16 bits as equal channels', async () => {
    const grey = await quadrants().toColourspace('b-w').png().toBuffer();
    const deep = await quadrants().toColourspace('grey16').png().toBuffer();
    const twoTone = await quadrants().toColourspace('b-w').threshold(100).png({ palette: true, colours: 2 }).toBuffer();
    for (const bytes of [grey, deep, twoTone]) {
      for (const [r, g, b] of await decode(bytes)) expect([g, b]).toEqual([r, r]);
    }
    expect((await decode(twoTone)).flat().every((value) => value === 0 || value === 255)).toBe(true);
    const [plain, sixteen] = [await decode(grey), await decode(deep)];
    expectColours(sixteen, plain, 2);
  });

  it('drops alpha and keeps the colour below it, also when resizing', async () => {
    const bytes = await quadrants().ensureAlpha(0).png().toBuffer();
    expect((await sharp(bytes).metadata()).hasAlpha).toBe(true);
    expectColours(await decode(bytes), COLOURS, 0);
    expectColours(
      await decode(await quadrants().ensureAlpha(0.5).webp({ lossless: true, exact: true }).toBuffer()),
      COLOURS,
      0,
    );
  });

  it('gives one channel by ITU-R 601 luma', async () => {
    const pixels = await decodeImage(await quadrants().png().toBuffer(), { size: 16, channels: 1 });
    expect(pixels).toHaveLength(256);
    const luma = COLOURS.map(([r, g, b]) => [Math.round(0.299 * r + 0.587 * g + 0.114 * b)]);
    expectColours(middles(pixels, 16, 1), luma, 1);
  });

  it('goes by the first bytes, not by the extension', async () => {
    const path = join(await temporaryFolder(), 'really-a-png.jpg');
    await writeFile(path, await quadrants().png().toBuffer());
    expectColours(middles(await decodeImage(path, { size: 16, channels: 3 }), 16, 3), COLOURS, 0);
  });
});

describe('geometry', () => {
  /** Where each EXIF orientation shows the stored quadrants 0 1 / 2 3. */
  const SHOWN = [
    [0, 1, 2, 3],
    [1, 0, 3, 2],
    [3, 2, 1, 0],
    [2, 3, 0, 1],
    [0, 2, 1, 3],
    [2, 0, 3, 1],
    [3, 1, 2, 0],
    [1, 3, 0, 2],
  ];

  it.each([1, 2, 3, 4, 5, 6, 7, 8])('honours EXIF orientation %i', async (orientation) => {
    const expected = SHOWN[orientation - 1].map((quadrant) => COLOURS[quadrant]);
    const bytes = await quadrants().jpeg({ quality: 95 }).withMetadata({ orientation }).toBuffer();
    expectColours(await decode(bytes), expected, 12);
  });

  it('cuts the centre square of wide, tall and very long images, small ones enlarged', async () => {
    for (const [width, height] of [
      [300, 100],
      [100, 300],
      [4000, 40],
      [30, 10],
      [10, 3000],
      [1, 1],
      [2, 900],
    ] as const) {
      // Brightness is the distance from the middle, so the square has its darkest place there.
      const data = Buffer.alloc(width * height);
      for (let i = 0; i < data.length; i++) {
        const [dx, dy] = [(i % width) + 0.5 - width / 2, Math.floor(i / width) + 0.5 - height / 2];
        data[i] = Math.min(255, (255 * Math.hypot(dx, dy)) / Math.min(width, height));
      }
      const bytes = await sharp(data, { raw: { width, height, channels: 1 } })
        .png()
        .toBuffer();
      const pixels = await decodeImage(bytes, { size: 24, channels: 1 });
      expect(pixels).toHaveLength(24 * 24);
      const at = (row: number, column: number) => pixels[row * 24 + column];
      if (Math.min(width, height) < 10) continue;
      expect(Math.max(at(11, 11), at(12, 12))).toBeLessThan(30);
      for (const corner of [at(0, 0), at(0, 23), at(23, 0), at(23, 23)]) expect(corner).toBeGreaterThan(140);
    }
  });
});

describe('what cannot be decoded', () => {
  it.each([
    ['JPEG', () => quadrants().resize(200, 200).jpeg()],
    ['PNG', () => quadrants().resize(200, 200).png()],
    ['TIFF', () => quadrants().resize(200, 200).tiff()],
    ['WebP', () => quadrants().resize(200, 200).webp()],
  ] as const)('refuses a %s that is cut off', async (_, make) => {
    const bytes = await make().toBuffer();
    for (const share of [0.1, 0.5, 0.9]) {
      const cut = bytes.subarray(0, Math.floor(bytes.length * share));
      expect(await rejection(decodeImage(cut, { size: 16, channels: 3 }))).toBeInstanceOf(ImageError);
    }
  });

  it('names the path and the reason in one line', async () => {
    const folder = await temporaryFolder();
    const text = join(folder, 'text.jpg');
    await writeFile(text, 'not an image\n');
    const empty = join(folder, 'empty.png');
    await writeFile(empty, '');
    for (const [path, reason] of [
      [text, 'not a JPEG, PNG, TIFF, WebP or BMP image'],
      [empty, 'the file is empty'],
      [join(folder, 'gone.png'), 'no such file'],
      [folder, 'a folder, not an image'],
    ] as const) {
      const error = await rejection(decodeImage(path, { size: 16, channels: 3 }));
      expect(error).toBeInstanceOf(ImageError);
      expect(error).toHaveProperty('path', path);
      expect(error.message).toBe(`${path}: ${reason}; replace or remove it`);
    }
  });

  it('gives a reason that the reader repeats once', async () => {
    const error = await rejection(decodeImage(Buffer.from([0xff, 0xd8, 0xff]), { size: 16, channels: 3 }));
    expect(error.message.match(/premature end/g)).toHaveLength(1);
    expect(error.message.match(/contains no image/g)).toHaveLength(1);
  });

  it('refuses sizes and channel counts that make no sense', async () => {
    const bytes = await quadrants().png().toBuffer();
    for (const size of [0, -1, 1.5, Number.NaN]) {
      expect(await rejection(decodeImage(bytes, { size, channels: 3 }))).toBeInstanceOf(UsageError);
    }
    expect(await rejection(decodeImage(bytes, { size: 8, channels: 2 as 1 }))).toBeInstanceOf(UsageError);
  });
});
