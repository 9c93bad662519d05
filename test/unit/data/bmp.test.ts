import { describe, expect, it } from 'vitest';
import { decodeBitmap } from '../../../lib/data/bmp.js';
import { decodeImage } from '../../../lib/data/index.js';
import { ImageError } from '../../../lib/errors.js';
import { rejection } from './fixtures.js';

interface Bitmap {
  width: number;
  height: number;
  depth: number;
  compression?: number;
  headerSize?: number;
  /** Bytes between the header and the pixels: masks or a palette. */
  extra?: number[];
  colours?: number;
  pixels: number[];
}

function bitmap({
  width,
  height,
  depth,
  compression = 0,
  headerSize = 40,
  extra = [],
  colours = 0,
  pixels,
}: Bitmap): Buffer {
  const start = 14 + headerSize + extra.length;
  const header = Buffer.alloc(14 + headerSize);
  header.write('BM');
  header.writeUInt32LE(start + pixels.length, 2);
  header.writeUInt32LE(start, 10);
  header.writeUInt32LE(headerSize, 14);
  if (headerSize === 12) {
    header.writeUInt16LE(width, 18);
    header.writeUInt16LE(height, 20);
    header.writeUInt16LE(1, 22);
    header.writeUInt16LE(depth, 24);
  } else {
    header.writeInt32LE(width, 18);
    header.writeInt32LE(height, 22);
    header.writeUInt16LE(1, 26);
    header.writeUInt16LE(depth, 28);
    header.writeUInt32LE(compression, 30);
    header.writeUInt32LE(colours, 46);
  }
  return Buffer.concat([header, Buffer.from(extra), Buffer.from(pixels)]);
}

const RED = [255, 0, 0];
const GREEN = [0, 255, 0];
const BLUE = [0, 0, 255];
const WHITE = [255, 255, 255];
/** Blue, green, red, spare. */
const PALETTE = [0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 255, 255, 255, 0];
/** What every picture below shows: red green / blue white. */
const SHOWN = [...RED, ...GREEN, ...BLUE, ...WHITE];

describe('bitmaps', () => {
  it.each<[string, Bitmap]>([
    [
      '24 bits, bottom row first',
      { width: 2, height: 2, depth: 24, pixels: [255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0] },
    ],
    [
      '24 bits, top row first',
      { width: 2, height: -2, depth: 24, pixels: [0, 0, 255, 0, 255, 0, 0, 0, 255, 0, 0, 255, 255, 255, 0, 0] },
    ],
    [
      '24 bits with the header of OS/2',
      {
        width: 2,
        height: 2,
        depth: 24,
        headerSize: 12,
        pixels: [255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0],
      },
    ],
    [
      '24 bits without the last padding',
      { width: 2, height: 2, depth: 24, pixels: [255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0] },
    ],
    [
      '24 bits with a long header',
      {
        width: 2,
        height: 2,
        depth: 24,
        headerSize: 124,
        pixels: [255, 0, 0, 255, 255, 255, 0, 0, 0, 0, 255, 0, 255, 0, 0, 0],
      },
    ],
    [
      '32 bits with alpha 0',
      { width: 2, height: 2, depth: 32, pixels: [255, 0, 0, 0, 255, 255, 255, 0, 0, 0, 255, 0, 0, 255, 0, 0] },
    ],
    [
      '32 bits with fields in another order',
      {
        width: 2,
        height: 2,
        depth: 32,
        compression: 3,
        extra: [255, 0, 0, 0, 0, 255, 0, 0, 0, 0, 255, 0],
        pixels: [0, 0, 255, 9, 255, 255, 255, 9, 255, 0, 0, 9, 0, 255, 0, 9],
      },
    ],
    ['16 bits, 5 a channel', { width: 2, height: 2, depth: 16, pixels: [0x1f, 0, 0xff, 0x7f, 0x00, 0x7c, 0xe0, 0x03] }],
    [
      '16 bits, 5 6 5',
      {
        width: 2,
        height: 2,
        depth: 16,
        compression: 3,
        extra: [0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0],
        pixels: [0x1f, 0, 0xff, 0xff, 0x00, 0xf8, 0xe0, 0x07],
      },
    ],
    [
      '8 bits with a palette',
      { width: 2, height: 2, depth: 8, colours: 4, extra: PALETTE, pixels: [2, 3, 0, 0, 0, 1, 0, 0] },
    ],
    [
      '4 bits with a palette',
      { width: 2, height: 2, depth: 4, colours: 4, extra: PALETTE, pixels: [0x23, 0, 0, 0, 0x01, 0, 0, 0] },
    ],
  ])('reads %s', (_, description) => {
    expect([...decodeBitmap(bitmap(description)).data]).toEqual(SHOWN);
  });

  it('reads 1 bit a pixel over an odd width', () => {
    const extra = [0, 0, 0, 0, 255, 255, 255, 0];
    const { data } = decodeBitmap(bitmap({ width: 9, height: 1, depth: 1, extra, pixels: [0b10100000, 0x80, 0, 0] }));
    expect(Array.from({ length: 9 }, (_, x) => data[3 * x])).toEqual([255, 0, 255, 0, 0, 0, 0, 0, 255]);
  });

  it('goes through the one decoding path', async () => {
    const pixels = Array.from({ length: 8 * 8 * 3 }, (_, i) => [10, 20, 200][i % 3]);
    const decoded = await decodeImage(bitmap({ width: 8, height: 8, depth: 24, pixels }), { size: 4, channels: 3 });
    expect([...decoded.subarray(0, 3)]).toEqual([200, 20, 10]);
  });

  it.each<[string, Buffer]>([
    ['a cut header', Buffer.from('BM')],
    ['missing pixels', bitmap({ width: 9, height: 9, depth: 24, pixels: [1, 2, 3] })],
    ['a size beyond reason', bitmap({ width: 0x7fffffff, height: 0x7fffffff, depth: 24, pixels: [] })],
    ['a size of zero', bitmap({ width: 0, height: 2, depth: 24, pixels: [] })],
    ['run-length coding', bitmap({ width: 2, height: 2, depth: 8, compression: 1, pixels: [2, 0, 2, 0] })],
    ['a depth nobody uses', bitmap({ width: 2, height: 2, depth: 7, pixels: [0, 0, 0, 0, 0, 0, 0, 0] })],
  ])('refuses %s', async (_, bytes) => {
    expect(await rejection(decodeImage(bytes, { size: 4, channels: 3 }))).toBeInstanceOf(ImageError);
  });
});
