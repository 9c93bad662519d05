import type { ByteFile } from './byte-file.js';

/**
 * A file's bytes with Node's methods on them. Apart from ByteFile, whose declaration reaches callers that have no Node types.
 *
 * @throws WeightsError where the file ends before.
 */
export async function readBuffer(file: ByteFile, offset: number, length: number): Promise<Buffer> {
  const { buffer, byteOffset } = await file.read(offset, length);
  return Buffer.from(buffer, byteOffset, length);
}
