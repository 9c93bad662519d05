/** The parser's complaints as lines that say how to mend them. */

import { UsageError } from '../errors.js';
import { type Command, type CommandGroup, type Positional, PROGRAM } from './command.js';
import { commands } from './commands/index.js';
import { didYouMean } from '../suggest.js';
import { didYouMeanFlag } from './flags/suggest.js';
import { oneLine } from './render/error-line.js';
import { unguarded } from './words.js';

/** What the words call, as far as they go. */
export interface Called {
  /** The words that name it; empty where they name nothing. */
  path: string;
  entry: Command | CommandGroup | undefined;
}

/** Tells a group of commands from a command. */
export function isGroup(entry: Command | CommandGroup): entry is CommandGroup {
  return 'commands' in entry;
}

/** "<file>", "[file]" or "<words..>". */
export function positionalUsage({ name, required, many }: Positional): string {
  const inner = `${name}${many === true ? '..' : ''}`;
  return required ? `<${inner}>` : `[${inner}]`;
}

/**
 * The error for words that call no command.
 *
 * @param words those that may be flags
 */
export function commandMissing(words: readonly string[], { path, entry }: Called): UsageError {
  const names = (entry !== undefined && isGroup(entry) ? entry.commands : commands).map(({ name }) => name);
  const word = words.find((each) => !each.startsWith('-') && each !== path);
  const message =
    word === undefined
      ? `which command${path === '' ? '' : ` of ${path}`}? One of ${names.join(', ')}`
      : `unknown command "${[path, word].join(' ').trim()}"${didYouMean(word, names)}`;
  return new UsageError(`${message}; ${helpFor(path)}`);
}

/**
 * The parser's complaint in our words.
 *
 * @param words those that may be flags
 */
export function withHint(error: UsageError, words: readonly string[], called: Called): UsageError {
  const { path, entry } = called;
  const command = entry === undefined || isGroup(entry) ? undefined : entry;
  const because = (message: string): UsageError => new UsageError(`${message}; ${helpFor(path)}`, { cause: error });
  const unfollowed = /^Not enough arguments following: (\S+)$/.exec(error.message)?.[1];
  if (unfollowed !== undefined) return because(`--${unfollowed} needs a value`);
  if (command !== undefined && error.message.startsWith('Not enough non-option arguments')) {
    const missing = command.positionals.filter(({ required }) => required).map(positionalUsage);
    return because(`${missing.join(' ')} is missing after ${path}`);
  }
  const unknown = /^Unknown arguments?: (.+)$/s.exec(error.message)?.[1];
  if (unknown === undefined) return because(oneLine(error.message));
  const name = unknown.split(', ')[0] ?? unknown;
  const flag = flagTyped(name, words);
  if (command === undefined) {
    // Before any command there are only flags that all have.
    if (flag !== undefined && words[0].startsWith('-')) return because(unknownFlag(flag, undefined));
    return commandMissing(words, called);
  }
  return because(
    flag === undefined ? `unexpected word "${unguarded(name)}" after ${path}` : unknownFlag(flag, command),
  );
}

function helpFor(path: string): string {
  return `see ${`${PROGRAM} ${path}`.trim()} --help`;
}

function unknownFlag(flag: string, command: Command | undefined): string {
  return `unknown flag ${flag}${didYouMeanFlag(flag.replace(/^-+/, ''), command?.flags ?? {})}`;
}

/** The word that gave the parser a flag of this name; one dash before a long word makes a flag of each of its letters. */
function flagTyped(name: string, words: readonly string[]): string | undefined {
  const flags = words.filter((word) => /^-./s.test(word)).map((word) => word.replace(/=.*$/s, ''));
  return (
    flags.find((flag) => flag === `--${name}` || flag === `--no-${name}`) ??
    flags.find((flag) => !flag.startsWith('--') && flag.includes(name))
  );
}
