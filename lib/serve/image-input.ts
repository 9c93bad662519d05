/** The kinds of image that classify takes. */

import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { decodeImage, resizePixels, type ImageGeometry } from '../data/index.js';
import { describeValue, ImageError, messageOf } from '../errors.js';

/** Pixels row by row, channels side by side, 8 bits each: grey, RGB, or RGB with an alpha that is dropped. */
export interface RawImage {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
  /** 4 if not given, as in a canvas's ImageData. */
  channels?: 1 | 3 | 4 | undefined;
}

/** An image file's path or file: URL, or its bytes (JPEG, PNG, TIFF, WebP or BMP), or pixels that are decoded already. */
export type ImageInput = string | URL | Uint8Array | Uint8ClampedArray | ArrayBuffer | Blob | RawImage;

/** @throws ImageError naming what is wrong with this image */
export async function readImage(image: ImageInput, geometry: ImageGeometry): Promise<Uint8Array> {
  if (typeof image === 'string' && image !== '') return decodeImage(image, geometry);
  if (image instanceof URL) return decodeImage(pathOf(image), geometry);
  const bytes = await bytesOf(image);
  if (bytes !== null) return decodeImage(bytes, geometry);
  return resizePixels(pixelsOf(image), geometry);
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new ImageError(`image: ${url.href} is no file: URL; give the image's bytes`, undefined, { cause: error });
  }
}

/** The bytes of an image file that is given as such; null for anything else. */
async function bytesOf(image: unknown): Promise<Uint8Array | null> {
  try {
    if (types.isArrayBuffer(image)) return new Uint8Array(image);
    if (image instanceof Blob) return new Uint8Array(await image.arrayBuffer());
    return asBytes(image);
  } catch (error) {
    throw new ImageError(`image: its bytes cannot be read (${messageOf(error)}); give them anew`, undefined, {
      cause: error,
    });
  }
}

function asBytes(data: unknown): Uint8Array | null {
  if (types.isUint8Array(data)) return data;
  return types.isUint8ClampedArray(data) ? new Uint8Array(data.buffer, data.byteOffset, data.length) : null;
}

function pixelsOf(image: unknown): Required<RawImage> & { data: Uint8Array; channels: 1 | 3 | 4 } {
  if (typeof image !== 'object' || image === null || !('data' in image || 'width' in image)) {
    throw new ImageError(
      `image: expected a path, a file: URL, bytes or { data, width, height, channels } but received ${describeValue(image)}; give one of these`,
    );
  }
  const { data, width, height, channels = 4 } = image as Partial<Record<keyof RawImage, unknown>>;
  if (!isSize(width) || !isSize(height) || (channels !== 1 && channels !== 3 && channels !== 4)) {
    const received = [width, height, channels].map(describeValue).join(' x ');
    throw new ImageError(
      `image: expected width and height of 1 or more and 1, 3 or 4 channels but received ${received}; describe the pixels`,
    );
  }
  const pixels = asBytes(data);
  if (pixels === null) {
    throw new ImageError(
      `image: expected a Uint8Array or Uint8ClampedArray for data but received ${describeValue(data)}; give 8 bits a channel`,
    );
  }
  if (pixels.length !== width * height * channels) {
    throw new ImageError(
      `image: expected ${width * height * channels} bytes for ${width} x ${height} x ${channels} pixels but received ${pixels.length}; give all pixels`,
    );
  }
  return { data: pixels, width, height, channels };
}

function isSize(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
}
