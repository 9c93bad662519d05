import { readFile } from 'node:fs/promises';
import { FileError, ImageError, OutOfMemoryError, messageOf } from '../errors.js';
import { sha256 } from './cache-file.js';
import { decodeImage, reasonOf, type ImageGeometry } from './decode.js';

/** libvips' and V8's words where there is no memory for pixels. What an image's reader says of its own memory is about the image. */
const NO_MEMORY = /out of memory -+ size|Array buffer allocation failed/;

/**
 * Decodes an image file whose SHA-256 is known, and tells whose fault it is where that fails: a fault of the image is there
 * next time too and may be remembered, any other may not.
 *
 * @param content SHA-256 of the file's bytes, hexadecimal
 * @returns uint8 [size, size, channels]
 * @throws ImageError naming the path where the image itself is at fault; FileError where the file cannot be read or is no longer
 * the one that was hashed; OutOfMemoryError.
 */
export async function decodeContent(path: string, content: string, geometry: ImageGeometry): Promise<Uint8Array> {
  const bytes = await readFile(path).catch((error: unknown) => {
    throw new FileError(`${path}: can no longer be read (${messageOf(error)}); mend that and start again`, path, {
      cause: error,
    });
  });
  if (sha256(bytes) !== content) {
    throw new FileError(`${path}: has changed since it was first read; start again once nothing writes to it`, path);
  }
  try {
    return await decodeImage(bytes, geometry);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    const reason = reasonOf(error);
    const { cause } = error;
    if (NO_MEMORY.test(reason)) {
      throw new OutOfMemoryError(`${path}: ${reason}; free some memory, or use fewer threads`, { cause });
    }
    throw new ImageError(`${path}: ${reason}; replace or remove it`, path, { cause });
  }
}
