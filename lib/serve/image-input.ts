/** The kinds of image that classify takes. */

import { decodeImage, resizePixels, type ImageGeometry } from '../data/index.js';
import { ImageError } from '../errors.js';

/** Pixels row by row, channels side by side, 8 bits each: grey, RGB, or RGB with an alpha that is dropped. */
export interface RawImage {
  data: Uint8Array;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
}

/** An image file's path, or its bytes (JPEG, PNG, TIFF, WebP or BMP), or pixels that are decoded already. */
export type ImageInput = string | Uint8Array | RawImage;

/** @throws ImageError naming what is wrong with this image */
export async function readImage(image: ImageInput, geometry: ImageGeometry): Promise<Uint8Array> {
  if (typeof image === 'string' || image instanceof Uint8Array) return decodeImage(image, geometry);
  checkRaw(image);
  return resizePixels(image, geometry);
}

function checkRaw(image: unknown): asserts image is RawImage {
  if (typeof image !== 'object' || image === null) {
    throw new ImageError(
      `image: expected a path, bytes or {data, width, height, channels} but received ${typeof image}; give one of these`,
    );
  }
  const { data, width, height, channels } = image as Partial<Record<keyof RawImage, unknown>>;
  const isSize = (value: unknown): value is number =>
    typeof value === 'number' && Number.isSafeInteger(value) && value >= 1;
  if (!isSize(width) || !isSize(height) || (channels !== 1 && channels !== 3 && channels !== 4)) {
    throw new ImageError(
      `image: expected width and height of 1 or more and 1, 3 or 4 channels but received ${String(width)} x ${String(height)} x ${String(channels)}; describe the pixels`,
    );
  }
  if (!(data instanceof Uint8Array) || data.length !== width * height * channels) {
    throw new ImageError(
      `image: expected a Uint8Array of ${width * height * channels} bytes for ${width} x ${height} x ${channels} pixels; give all pixels`,
    );
  }
}
