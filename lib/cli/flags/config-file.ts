/** --config FILE: a JSON object of TuneConfig's fields, such as a run's config.json, merged under the flags. */

import { readFile } from 'node:fs/promises';
import { messageOf, UsageError } from '../../errors.js';
import type { TuneConfig } from '../../run/types.js';
import { didYouMean } from '../../suggest.js';
import type { Flag } from './flag.js';
import { tuneFlags } from './tune-flags.js';

/**
 * Reads and checks a config file with the rules of the flags.
 *
 * @throws UsageError the file cannot be read, is no JSON object, has an unknown field or a value out of range
 */
export async function readConfigFile(path: string): Promise<Partial<TuneConfig>> {
  let text: string;
  try {
    // Some editors begin a file with a byte order mark, which JSON does not have.
    text = (await readFile(path, 'utf8')).replace(/^\uFEFF/, '');
  } catch (error) {
    throw new UsageError(`cannot read --config ${path}: ${messageOf(error)}`, { cause: error });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--config ${path} is not JSON: ${messageOf(error).replaceAll('\n', ' ')}`, { cause: error });
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) {
    throw new UsageError(`--config ${path} must hold a JSON object such as {"rounds": 4}`);
  }
  return checkConfig(json, path);
}

function checkConfig(json: object, path: string): Partial<TuneConfig> {
  const table: Record<string, Flag<unknown>> = tuneFlags;
  const checked: Record<string, unknown> = {};
  for (const [field, value] of Object.entries(json)) {
    const flag = Object.hasOwn(table, field) ? table[field] : undefined;
    if (flag === undefined) {
      throw new UsageError(`unknown field "${field}" in --config ${path}${didYouMean(field, Object.keys(table))}`);
    }
    checked[field] = flag.parse(value, `${field} in --config ${path}`);
  }
  return checked;
}
