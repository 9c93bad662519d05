/**
 * Uncompressed Windows bitmaps. libvips as sharp ships it has no BMP loader, and the small packages that have one read
 * palettes in the wrong channel order or ignore where the pixels start, so the format is read here.
 */

/** Rows top to bottom, RGB bytes. */
export interface BitmapPixels {
  width: number;
  height: number;
  data: Uint8Array;
}

/** Most pixels an image may have, sharp's own default limit. */
const MOST_PIXELS = 0x3fff * 0x3fff;

const PLAIN = 0;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;

/** One channel of a 16- or 32-bit pixel: where its bits are and the factor that brings them to 0..255. */
interface Channel {
  mask: number;
  shift: number;
  factor: number;
}

/**
 * Decodes 1, 4, 8, 16, 24 and 32 bits a pixel, palettes and bit fields, bottom-up and top-down; alpha is dropped.
 * Throws a plain Error with a one-line reason for damaged or run-length coded files; the caller adds the path.
 */
export function decodeBitmap(bytes: Buffer): BitmapPixels {
  if (bytes.length < 26) throw new Error('the BMP header is cut off');
  const start = bytes.readUInt32LE(10);
  const headerSize = bytes.readUInt32LE(14);
  const core = headerSize === 12;
  if (!core && (headerSize < 40 || bytes.length < 14 + headerSize)) throw new Error('the BMP header is damaged');
  const width = core ? bytes.readUInt16LE(18) : bytes.readInt32LE(18);
  const signedHeight = core ? bytes.readUInt16LE(20) : bytes.readInt32LE(22);
  const height = Math.abs(signedHeight);
  const depth = bytes.readUInt16LE(core ? 24 : 28);
  const compression = core ? PLAIN : bytes.readUInt32LE(30);
  if (width < 1 || height < 1 || width * height > MOST_PIXELS) {
    throw new Error(`the BMP header gives a size of ${width}x${height}`);
  }
  if (![1, 4, 8, 16, 24, 32].includes(depth)) throw new Error(`the BMP has ${depth} bits a pixel`);
  const fields = compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS;
  if (compression !== PLAIN && !(fields && depth >= 16))
    throw new Error('the BMP is compressed, which is not supported');
  const stride = Math.ceil((width * depth) / 32) * 4;
  // The last row's padding is missing in files that some programs write.
  if (start < 14 + headerSize || start + stride * (height - 1) + Math.ceil((width * depth) / 8) > bytes.length) {
    throw new Error('the BMP ends before its pixels do');
  }
  const readPixel =
    depth <= 8
      ? paletteReader(bytes, { headerSize, core, depth, start })
      : depth === 24
        ? (row: number, x: number) => bytes.readUIntLE(row + 3 * x, 3)
        : fieldReader(bytes, { depth, fields, headerSize });
  const data = new Uint8Array(width * height * 3);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = start + stride * (signedHeight > 0 ? height - 1 - y : y);
    for (let x = 0; x < width; x++) {
      const colour = readPixel(row, x);
      data[to++] = colour >>> 16;
      data[to++] = (colour >>> 8) & 255;
      data[to++] = colour & 255;
    }
  }
  return { width, height, data };
}

/** Reader of palette pixels as 0xRRGGBB; an index beyond the palette is black, as other readers have it. */
function paletteReader(
  bytes: Buffer,
  { headerSize, core, depth, start }: { headerSize: number; core: boolean; depth: number; start: number },
): (row: number, x: number) => number {
  const entrySize = core ? 3 : 4;
  const wanted = core ? 0 : bytes.readUInt32LE(46);
  const first = 14 + headerSize;
  const room = Math.floor((Math.min(start, bytes.length) - first) / entrySize);
  const count = Math.min(wanted || 1 << depth, 1 << depth, room);
  const palette = new Uint32Array(1 << depth);
  for (let i = 0; i < count; i++) palette[i] = bytes.readUIntLE(first + i * entrySize, 3);
  const perByte = 8 / depth;
  const mask = (1 << depth) - 1;
  return (row, x) => {
    const byte = bytes[row + Math.floor(x / perByte)];
    return palette[(byte >> (8 - depth * ((x % perByte) + 1))) & mask];
  };
}

/** Reader of 16- and 32-bit pixels as 0xRRGGBB, by the masks of the file or the format's defaults. */
function fieldReader(
  bytes: Buffer,
  { depth, fields, headerSize }: { depth: number; fields: boolean; headerSize: number },
): (row: number, x: number) => number {
  let masks = depth === 16 ? [0x7c00, 0x03e0, 0x001f] : [0xff0000, 0x00ff00, 0x0000ff];
  if (fields) {
    if (bytes.length < 66 || headerSize < 40) throw new Error('the BMP header is cut off');
    masks = [54, 58, 62].map((offset) => bytes.readUInt32LE(offset));
  }
  const [red, green, blue] = masks.map(toChannel) as [Channel, Channel, Channel];
  const value = ({ mask, shift, factor }: Channel, pixel: number) =>
    Math.round((((pixel & mask) >>> 0) >>> shift) * factor);
  return (row, x) => {
    const pixel = depth === 16 ? bytes.readUInt16LE(row + 2 * x) : bytes.readUInt32LE(row + 4 * x);
    return (value(red, pixel) << 16) | (value(green, pixel) << 8) | value(blue, pixel);
  };
}

function toChannel(mask: number): Channel {
  if (mask === 0) return { mask, shift: 0, factor: 0 };
  const shift = 31 - Math.clz32(mask & -mask);
  return { mask, shift, factor: 255 / (mask >>> shift) };
}
