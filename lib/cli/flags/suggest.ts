/** "did you mean" for flags. */

import { nearest } from '../../suggest.js';
import type { FlagTable } from './flag.js';

/** Flags that every command has. */
const COMMON_FLAGS = ['json', 'verbose', 'help'];

/** As didYouMean, for a flag: the API's name of a setting leads to its flag too (`--evaluations` to `--evals`). */
export function didYouMeanFlag(word: string, flags: FlagTable): string {
  const fields = Object.entries(flags).map(([field, { name }]): [string, string] => [withDashes(field), name]);
  const names = [...Object.values(flags).map(({ name }) => name), ...COMMON_FLAGS];
  const spellings = new Map([...fields, ...names.map((name): [string, string] => [name, name])]);
  const near = nearest(withDashes(word), [...spellings.keys()]);
  return near === undefined ? '' : `; did you mean --${spellings.get(near) ?? near}?`;
}

/** "batchSize" as a flag would spell it. */
function withDashes(field: string): string {
  return field.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
