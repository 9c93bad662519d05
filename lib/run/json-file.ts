/** A JSON value written whole or not at all. */
import { writeFileAtomically } from '../atomic-file.js';

/** @throws FileError where the file cannot be written; what stood there stays. */
export async function writeJson(path: string, value: object): Promise<void> {
  await writeFileAtomically(path, (append) => append(Buffer.from(`${JSON.stringify(value, null, 2)}\n`)));
}
