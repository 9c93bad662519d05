/** Parses the command line, runs the command, and turns errors into one line and an exit status. */

import { readFileSync } from 'node:fs';
import yargs, { type Argv } from 'yargs';
import { AbortedError, FinepuneError, InternalError, messageOf, UsageError } from '../errors.js';
import type { Command, CommandGroup } from './command.js';
import { commands } from './commands/index.js';
import { didYouMean } from './flags/suggest.js';
import type { OutputStream } from './render/output-stream.js';
import { Terminal } from './render/terminal.js';

const PROGRAM = 'finepune-native';

export interface ProgramIo {
  stdout: OutputStream;
  stderr: OutputStream;
  signal: AbortSignal;
  /** See CommandContext. */
  onSlowWork: (notice: string) => void;
}

interface Parsed {
  /** Text that --help or --version asked for; then there is nothing to run. */
  output: string;
  command: Command | undefined;
  values: Record<string, unknown>;
}

/**
 * Runs the command line.
 *
 * @param words what follows the program's name
 * @returns exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted
 */
export async function runProgram(words: string[], io: ProgramIo): Promise<number> {
  // Read before parsing, because wrong usage must honour it too.
  const verbose = words.includes('--verbose');
  const terminal = new Terminal({ stdout: io.stdout, stderr: io.stderr, quiet: words.includes('--json') });
  try {
    const { output, command, values } = await parse(words);
    if (command === undefined) {
      terminal.print(output);
      return 0;
    }
    return await command.run(values, positionalWords(command, values), {
      terminal,
      json: values['json'] === true,
      verbose,
      signal: io.signal,
      onSlowWork: io.onSlowWork,
    });
  } catch (thrown) {
    const error = asFinepuneError(thrown, io.signal);
    terminal.note(`error ${error.code}: ${oneLine(error.message)}`);
    if (verbose) terminal.note(stackOf(error));
    return error.exitCode;
  } finally {
    terminal.close();
  }
}

async function parse(words: string[]): Promise<Parsed> {
  let selected: Command | undefined;
  const parser = yargs()
    .scriptName(PROGRAM)
    .usage(
      'Fine-prune a pre-trained convolutional network to your images, and serve the small one from Node.\n\n$0 <command>',
    )
    .parserConfiguration({
      'camel-case-expansion': false,
      'parse-numbers': false,
      'parse-positional-numbers': false,
      'dot-notation': false,
    })
    .exitProcess(false)
    .version(packageVersion())
    .help()
    .alias('help', 'h')
    .wrap(110)
    .strict()
    .fail((message: string | null, error: Error | undefined) => {
      throw new UsageError(message ?? error?.message ?? 'wrong usage', { cause: error });
    })
    .epilogue('Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.');
  const select = (command: Command): void => {
    selected = command;
  };
  for (const entry of commands) {
    if (isGroup(entry)) {
      parser.command(entry.name, entry.describe, (inner) => {
        for (const command of entry.commands) addCommand(inner, command, `${entry.name} ${command.name}`, select);
        return inner.usage(`$0 ${entry.name} <what>\n\n${entry.describe}`);
      });
    } else {
      addCommand(parser, entry, entry.name, select);
    }
  }

  let output = '';
  let values: Record<string, unknown> = {};
  try {
    values = await parser.parseAsync(words, {}, (_error: Error | undefined | null, _values: unknown, text: string) => {
      output = text;
    });
  } catch (error) {
    throw error instanceof FinepuneError ? withHint(error, words) : error;
  }
  if (output !== '') return { output, command: undefined, values };
  if (selected === undefined) throw withHint(new UsageError(nameOfCommandMissing(words)), words);
  return { output, command: selected, values };
}

function isGroup(entry: Command | CommandGroup): entry is CommandGroup {
  return 'commands' in entry;
}

/** @param path the words that call the command. */
function addCommand(parser: Argv, command: Command, path: string, select: (command: Command) => void): void {
  parser.command(
    [command.name, ...command.positionals.map(positionalUsage)].join(' '),
    command.describe,
    (inner) => describeCommand(inner, command, path),
    () => select(command),
  );
}

function describeCommand(parser: Argv, command: Command, path: string): Argv {
  for (const positional of command.positionals) {
    parser.positional(positional.name, { type: 'string', describe: positional.describe });
  }
  for (const flag of Object.values(command.flags)) {
    parser.option(flag.name, {
      describe: flag.describe,
      // Values stay text until the flag checks them; a declared number would turn "abc" into NaN before anyone could quote it.
      ...(flag.boolean ? { type: 'boolean' } : { nargs: 1, requiresArg: true }),
      ...(flag.defaultText === undefined ? {} : { defaultDescription: flag.defaultText }),
    });
  }
  for (const [line, meaning] of command.examples) parser.example(line, meaning);
  return parser
    .usage(`$0 ${[path, ...command.positionals.map(positionalUsage)].join(' ')}\n\n${command.describe}`)
    .option('json', { type: 'boolean', describe: 'Nothing but JSON on standard output' })
    .option('verbose', { type: 'boolean', describe: 'More detail, and the stack of an error' });
}

function positionalUsage({ name, required, many }: Command['positionals'][number]): string {
  const inner = `${name}${many === true ? '..' : ''}`;
  return required ? `<${inner}>` : `[${inner}]`;
}

function positionalWords(command: Command, values: Record<string, unknown>): Record<string, string[]> {
  return Object.fromEntries(
    command.positionals.map(({ name }) => {
      const value = values[name];
      const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
      return [name, list.map(String)];
    }),
  );
}

/** What the words call, as far as they go: the names, and what they lead to. */
function called(words: string[]): { path: string; entry: Command | CommandGroup | undefined } {
  const entry = commands.find(({ name }) => words.includes(name));
  if (entry === undefined || !isGroup(entry)) return { path: entry?.name ?? '', entry };
  const inner = entry.commands.find(({ name }) => words.includes(name));
  return inner === undefined ? { path: entry.name, entry } : { path: `${entry.name} ${inner.name}`, entry: inner };
}

function nameOfCommandMissing(words: string[]): string {
  const { path, entry } = called(words);
  const names = (entry !== undefined && isGroup(entry) ? entry.commands : commands).map(({ name }) => name);
  const word = words.find((each) => !each.startsWith('-') && each !== path);
  if (word !== undefined) return `unknown command "${[path, word].join(' ').trim()}"${didYouMean(word, names)}`;
  return `which command${path === '' ? '' : ` of ${path}`}? One of ${names.join(', ')}`;
}

/** Turns a parser's complaint into a line that says how to mend it. */
function withHint(error: FinepuneError, words: string[]): FinepuneError {
  if (!(error instanceof UsageError)) return error;
  const { path, entry } = called(words);
  const command = entry === undefined || isGroup(entry) ? undefined : entry;
  const help = `see ${`${PROGRAM} ${path}`.trim()} --help`;
  const unfollowed = /^Not enough arguments following: (\S+)$/.exec(error.message)?.[1];
  if (unfollowed !== undefined) return new UsageError(`--${unfollowed} needs a value; ${help}`, { cause: error });
  if (command !== undefined && error.message.startsWith('Not enough non-option arguments')) {
    const missing = command.positionals.filter(({ required }) => required).map(positionalUsage);
    return new UsageError(`${missing.join(' ')} is missing after ${path}; ${help}`, { cause: error });
  }
  const unknown = /^Unknown arguments?: (.+)$/.exec(error.message)?.[1];
  if (unknown === undefined) return new UsageError(`${oneLine(error.message)}; ${help}`, { cause: error });
  const name = unknown.split(', ')[0] ?? unknown;
  const isFlag = words.some((word) => word.replace(/=.*$/, '') === `--${name}` || word === `-${name}`);
  if (command === undefined) {
    const message =
      isFlag && !words.some((word) => !word.startsWith('-')) ? `unknown flag --${name}` : nameOfCommandMissing(words);
    return new UsageError(`${message}; ${help}`, { cause: error });
  }
  if (!isFlag) return new UsageError(`unexpected word "${name}" after ${path}; ${help}`, { cause: error });
  const known = [...Object.values(command.flags).map((flag) => flag.name), 'json', 'verbose', 'help'];
  return new UsageError(`unknown flag --${name}${didYouMean(name, known, '--')}; ${help}`, { cause: error });
}

function asFinepuneError(thrown: unknown, signal: AbortSignal): FinepuneError {
  if (thrown instanceof FinepuneError) return thrown;
  if (signal.aborted) return new AbortedError('stopped', { cause: thrown });
  return new InternalError(
    `${messageOf(thrown)} (a fault of ${PROGRAM}: run again with --verbose and report the stack)`,
    {
      cause: thrown,
    },
  );
}

function oneLine(text: string): string {
  return text.replaceAll(/\s*\n\s*/g, ' ').trim();
}

function stackOf(error: Error): string {
  const lines = [error.stack ?? error.message];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    lines.push(`caused by ${cause.stack ?? cause.message}`);
  return lines.join('\n');
}

function packageVersion(): string {
  // Two folders up from dist/cli and from lib/cli alike.
  const manifest: unknown = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  return typeof manifest === 'object' && manifest !== null && 'version' in manifest
    ? String(manifest.version)
    : 'unknown';
}
