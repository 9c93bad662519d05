/** The words of a command line as the parser is to take them: those after `--` are never flags. */

import { UsageError } from '../errors.js';
import type { Command } from './command.js';
import { switchFlag } from './flags/flag.js';

/** No word of a process can hold this character. */
const GUARD = '\0';

/** The words that may be flags. */
export function wordsBeforeDashes(words: readonly string[]): string[] {
  const dashes = words.indexOf('--');
  return dashes === -1 ? [...words] : words.slice(0, dashes);
}

/**
 * Takes `--` out and marks the words after it, so that the parser counts them as positional words whatever they look
 * like: it would leave them out of the positionals.
 */
export function guardWords(words: readonly string[]): string[] {
  const before = wordsBeforeDashes(words);
  return [...before, ...words.slice(before.length + 1).map((word) => GUARD + word)];
}

/** A text with its words as they were typed. */
export function unguarded(text: string): string {
  return text.replaceAll(GUARD, '');
}

/** @throws UsageError a flag took the word after `--` for its value */
export function refuseGuardedValues(command: Command, values: Record<string, unknown>): void {
  for (const { name } of Object.values(command.flags)) {
    if ([values[name]].flat().some((value) => typeof value === 'string' && value.startsWith(GUARD))) {
      throw new UsageError(`--${name} needs a value before --`);
    }
  }
}

/**
 * The parser takes `--strict=yes` for false.
 *
 * @param words those that may be flags
 * @throws UsageError a switch was given a value other than true or false
 */
export function refuseSwitchValues(command: Command, words: readonly string[]): void {
  const switches = [...Object.values(command.flags), switchFlag('json', ''), switchFlag('verbose', '')];
  for (const word of words) {
    const [, name = '', value = ''] = /^--([^=]+)=(.*)$/s.exec(word) ?? [];
    if (value === 'true' || value === 'false') continue;
    switches.find((flag) => flag.boolean && flag.name === name)?.parse(value, `--${name}`);
  }
}
