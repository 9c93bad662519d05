/** Files that nothing good can come of. */

import { createWriteStream, readFileSync, writeFileSync } from 'node:fs';
import { finished } from 'node:stream/promises';
import { ZipFile } from 'yazl';

/** A pickle that runs `touch TARGET` in whoever loads it with Python's pickle. */
function maliciousPickle(target: string): Buffer {
  return Buffer.from(`\u0080\u0002cposix\nsystem\n(S'touch ${target}'\ntR.`, 'latin1');
}

/** As torch.save writes it: a zip with archive/data.pkl. */
export async function writeMaliciousCheckpoint(path: string, target: string): Promise<void> {
  const zip = new ZipFile();
  zip.addBuffer(maliciousPickle(target), 'archive/data.pkl', { compress: false });
  zip.addBuffer(Buffer.from('3\n'), 'archive/version', { compress: false });
  zip.end();
  const file = createWriteStream(path);
  zip.outputStream.pipe(file);
  await finished(file);
}

/** The first part of a file. */
export function truncate(from: string, to: string, share: number): void {
  const bytes = readFileSync(from);
  writeFileSync(to, bytes.subarray(0, Math.floor(bytes.length * share)));
}

/** A .safetensors whose header claims to be longer than the file. */
export function writeEndlessHeader(path: string): void {
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(1_000_000n);
  writeFileSync(path, Buffer.concat([length, Buffer.from('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}')]));
}
