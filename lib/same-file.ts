/** Whether what is to be written is what is read. */
import { stat } from 'node:fs/promises';
import { UsageError } from './errors.js';

/**
 * @param what what is read from the sources, for the message
 * @throws UsageError where writing `out` would replace one of the sources, which hold more than what is written
 */
export async function refuseSources(out: string, sources: readonly string[], what: string): Promise<void> {
  const place = await placeOf(out);
  if (place === null) return;
  for (const path of sources) {
    if ((await placeOf(path)) === place) {
      throw new UsageError(`${out} is the file that ${what} is read from; name another file to write`);
    }
  }
}

/** Where on its disk a file is, links followed; null where there is none. */
async function placeOf(path: string): Promise<string | null> {
  try {
    const { dev, ino } = await stat(path, { bigint: true });
    return `${dev} ${ino}`;
  } catch {
    return null;
  }
}
