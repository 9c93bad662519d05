/**
 * Checksums of a model file: CRC-32 (of zlib, PNG, Ethernet) over its header and over its tensors.
 *
 * `__metadata__.checksums` is two times eight hexadecimal digits with a space between. The first is of everything before the
 * tensors, the length of the header included, with these eight digits as zeros; the second of everything behind.
 */
import { crc32 } from 'node:zlib';
import type { ByteFile } from './byte-file.js';
import { readBuffer } from './read-buffer.js';

/** Where they stand in a header's metadata. */
export const CHECKSUMS = 'checksums';

// Inside another string of the header its quotes would be escaped.
const FIELD = `"${CHECKSUMS}":"`;
const DIGITS = 8;
const BLANK = '0'.repeat(DIGITS);

function hexadecimal(value: number): string {
  return value.toString(16).padStart(DIGITS, '0');
}

/** What stands in `__metadata__.checksums` until the header is complete. */
export function blankChecksums(data: number): string {
  return `${BLANK} ${hexadecimal(data)}`;
}

/** CRC-32 of more bytes after those that gave `before`. */
export function crcOf(bytes: Uint8Array, before = 0): number {
  // Of no bytes zlib may give its initial value.
  return bytes.length === 0 ? before : crc32(bytes, before);
}

/** Puts the header's own checksum into a complete header; in place. */
export function sealHeader(header: Buffer): void {
  const at = header.indexOf(FIELD) + FIELD.length;
  header.write(hexadecimal(crc32(header)), at, 'latin1');
}

/** Whether the header of an open file is as it was sealed. */
export async function isSealed(file: ByteFile): Promise<boolean> {
  const length = Number((await readBuffer(file, 0, 8)).readBigUInt64LE());
  const header = await readBuffer(file, 0, 8 + length);
  const at = header.indexOf(FIELD);
  if (at < 0) return false;
  const start = at + FIELD.length;
  const digits = header.toString('latin1', start, start + DIGITS);
  header.write(BLANK, start, 'latin1');
  return digits === hexadecimal(crc32(header));
}

/** The checksum of the tensors that a header claims; undefined where it claims none. */
export function claimedDataChecksum(checksums: string | undefined): number | undefined {
  const digits = /^[0-9a-f]{8} ([0-9a-f]{8})$/.exec(checksums ?? '')?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits, 16);
}
