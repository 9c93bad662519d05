import { readFile } from 'node:fs/promises';
import sharp, { type Sharp } from 'sharp';
import { ImageError, UsageError, messageOf } from '../errors.js';
import { decodeBitmap } from './bmp.js';
import { enlarge, type RawPixels } from './enlarge.js';
import { imageFormat } from './format.js';

/** Raised whenever the pixels that decodeImage gives for the same bytes change, so that old caches are not used. */
export const DECODER_VERSION = 1;

/** What a decoded image looks like: a square of `size` pixels, HWC, RGB (3) or grey (1). */
export interface ImageGeometry {
  size: number;
  channels: 1 | 3;
}

/** Longer side kept, in multiples of the shorter one, before resizing: bounds the memory a very long image takes. */
const LONGEST_ASPECT = 4;

/** Reduction from which on a JPEG may be shrunk while it is read. */
const SHRINK_ON_LOAD = 8;

/**
 * The one way from an image file or its bytes to pixels: JPEG, PNG, TIFF, WebP or BMP, told apart by their first bytes.
 * The EXIF orientation is applied; the shorter side is resized to `size` by an antialiased bilinear filter, the longer
 * one to floor(size * longer / shorter), and the centre square is cut out, as torchvision's Resize and CenterCrop do.
 *
 * Colour: alpha is dropped without compositing and embedded colour profiles are ignored, as in the pipelines that
 * pre-trained networks saw; 16 bits a channel become 8 by their upper byte; CMYK becomes RGB; grey is ITU-R 601 luma.
 * Of files with several pages the first is taken.
 *
 * @returns uint8 [size, size, channels]
 * @throws ImageError naming the path where the file cannot be read, is damaged, cut off, or no such image.
 */
export async function decodeImage(input: string | Uint8Array, geometry: ImageGeometry): Promise<Uint8Array> {
  const { size, channels } = geometry;
  if (!Number.isInteger(size) || size < 1) {
    throw new UsageError(`expected a positive integer for size but received ${size}`);
  }
  if (![1, 3].includes(channels)) {
    throw new UsageError(`expected 1 or 3 for channels but received ${channels}`);
  }
  const path = typeof input === 'string' ? input : undefined;
  try {
    const bytes = typeof input === 'string' ? await readFile(input) : asBuffer(input);
    const format = imageFormat(bytes);
    if (format === undefined) throw new Error(describeUnknown(bytes));
    const resized =
      format === 'bmp'
        ? await resizeRaw({ ...decodeBitmap(bytes), channels: 3 }, size)
        : await decodeWithSharp(bytes, size);
    return toChannels(resized, channels);
  } catch (error) {
    throw new ImageError(`${path ?? 'image'}: ${describe(error)}; replace or remove it`, path, { cause: error });
  }
}

/**
 * decodeImage for pixels that somebody else has decoded: resized and cut in the same way.
 *
 * @param pixels as many bytes as width, height and channels say; alpha is dropped
 * @throws ImageError where they cannot be resized
 */
export async function resizePixels(pixels: RawPixels, { size, channels }: ImageGeometry): Promise<Uint8Array> {
  try {
    const colours =
      pixels.channels % 2 === 0 ? { ...pixels, channels: 3 as const, data: toChannels(pixels, 3) } : pixels;
    return toChannels(await resizeRaw(colours, size), channels);
  } catch (error) {
    throw new ImageError(`image: ${describe(error)}; replace or remove it`, undefined, { cause: error });
  }
}

/** Why decodeImage failed, in one line without the path. */
export function reasonOf(error: ImageError): string {
  return describe(error.cause ?? error);
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function describeUnknown(bytes: Buffer): string {
  return bytes.length === 0 ? 'the file is empty' : 'not a JPEG, PNG, TIFF, WebP or BMP image';
}

function describe(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'no permission to read it';
  if (code === 'EISDIR') return 'a folder, not an image';
  const lines = messageOf(error).trim().split('\n');
  // libvips says a thing again each time it meets it.
  return lines.filter((line, index) => !lines.slice(0, index).some((earlier) => earlier.endsWith(line))).join('; ');
}

async function decodeWithSharp(bytes: Buffer, size: number): Promise<RawPixels> {
  // Warnings of the JPEG and TIFF readers are harmless; 'error' still refuses files that are cut off.
  const options = { failOn: 'error', ignoreIcc: true } as const;
  const open = () => sharp(bytes, options).autoOrient().toColourspace('srgb');
  const header = await sharp(bytes, options).metadata();
  const { width, height } = header.autoOrient;
  // Resizing would weigh colours by alpha: take alpha away first.
  if (header.hasAlpha) return resizeRaw(await toRaw(open().removeAlpha()), size);
  if (Math.min(width, height) < size) return resizeRaw(await toRaw(open()), size);
  return toRaw(reduce(open(), width, height, size));
}

async function resizeRaw(pixels: RawPixels, size: number): Promise<RawPixels> {
  const { width, height } = pixels;
  if (Math.min(width, height) >= size) return toRaw(reduce(sharpOf(pixels), width, height, size));
  const kept = centre(width, height);
  const middle = await toRaw(sharpOf(pixels).extract(kept));
  const [toWidth, toHeight] = scaledSize(kept.width, kept.height, size);
  return toRaw(centreSquare(sharpOf(enlarge(middle, toWidth, toHeight)), toWidth, toHeight, size));
}

function sharpOf({ data, width, height, channels }: RawPixels): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

/** Adds torchvision's Resize(size) and CenterCrop(size) to a pipeline of an image that is not smaller than that. */
function reduce(pipeline: Sharp, width: number, height: number, size: number): Sharp {
  const kept = centre(width, height);
  // Letting the JPEG reader shrink first is much faster and a little off; sharp does not do so behind an extract.
  const shrinkOnLoad = Math.min(width, height) >= SHRINK_ON_LOAD * size;
  if (!shrinkOnLoad || kept.width < width || kept.height < height) pipeline = pipeline.extract(kept);
  const [toWidth, toHeight] = scaledSize(kept.width, kept.height, size);
  const resized = pipeline.resize({
    width: toWidth,
    height: toHeight,
    fit: 'fill',
    kernel: 'linear',
    fastShrinkOnLoad: false,
  });
  return centreSquare(resized, toWidth, toHeight, size);
}

/** The middle of a very long image, the whole of any other. */
function centre(width: number, height: number): { left: number; top: number; width: number; height: number } {
  const longest = Math.min(width, height) * LONGEST_ASPECT;
  const [w, h] = [Math.min(width, longest), Math.min(height, longest)];
  return { left: Math.floor((width - w) / 2), top: Math.floor((height - h) / 2), width: w, height: h };
}

/** torchvision's size of a resized image: the shorter side is `size`, the longer one rounded down. */
function scaledSize(width: number, height: number, size: number): [number, number] {
  const shorter = Math.min(width, height);
  const scaled = (side: number) => (side === shorter ? size : Math.floor((size * side) / shorter));
  return [scaled(width), scaled(height)];
}

function centreSquare(pipeline: Sharp, width: number, height: number, size: number): Sharp {
  return pipeline.extract({ left: cropStart(width, size), top: cropStart(height, size), width: size, height: size });
}

/** torchvision's int(round((side - size) / 2)) with Python's rounding of halves to even. */
function cropStart(side: number, size: number): number {
  const half = (side - size) / 2;
  const floor = Math.floor(half);
  return half - floor === 0.5 ? floor + (floor % 2) : Math.round(half);
}

async function toRaw(pipeline: Sharp): Promise<RawPixels> {
  const { data, info } = await pipeline.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  return { data, width: info.width, height: info.height, channels: info.channels };
}

/** RGB or grey from one (grey), two (grey, alpha), three or four (RGB, alpha) channels. */
function toChannels({ data, width, height, channels }: RawPixels, wanted: 1 | 3): Uint8Array {
  if (channels === wanted) return data;
  const pixels = width * height;
  const out = new Uint8Array(pixels * wanted);
  for (let i = 0; i < pixels; i++) {
    const from = i * channels;
    const red = data[from];
    const green = channels < 3 ? red : data[from + 1];
    const blue = channels < 3 ? red : data[from + 2];
    if (wanted === 1) {
      // Fixed-point ITU-R 601 with Pillow's coefficients.
      out[i] = (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
    } else {
      out[i * 3] = red;
      out[i * 3 + 1] = green;
      out[i * 3 + 2] = blue;
    }
  }
  return out;
}
