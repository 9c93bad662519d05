/** Parses the command line, runs the command, and turns errors into one line and an exit status. */

import yargs, { type Argv } from 'yargs';
import { AbortedError, FinepuneError, InternalError, messageOf, UsageError } from '../errors.js';
import { packageVersion } from '../package-version.js';
import { type Command, PROGRAM } from './command.js';
import { commands } from './commands/index.js';
import { errorLine } from './render/error-line.js';
import { requireWritten, type OutputStream } from './render/output-stream.js';
import { Terminal } from './render/terminal.js';
import { type Called, commandMissing, isGroup, positionalUsage, withHint } from './usage-hints.js';
import { guardWords, refuseGuardedValues, refuseSwitchValues, unguarded, wordsBeforeDashes } from './words.js';

/** Where a result is to be had that standard output did not take. */
const RUN_AGAIN = 'run again and send it elsewhere';

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
  const flags = wordsBeforeDashes(words);
  const verbose = flags.includes('--verbose');
  const terminal = new Terminal({ stdout: io.stdout, stderr: io.stderr, quiet: flags.includes('--json') });
  try {
    const { output, command, values } = await parse(words);
    if (command === undefined) {
      terminal.print(output);
      await requireWritten(io.stdout, RUN_AGAIN);
      return 0;
    }
    const json = values['json'] === true;
    const status = await command.run(values, positionalWords(command, values), {
      terminal,
      json,
      verbose,
      signal: io.signal,
      onSlowWork: io.onSlowWork,
    });
    if (!command.resultOnDisk) await requireWritten(io.stdout, RUN_AGAIN);
    else if (json) await requireWritten(io.stdout, 'the files that the command makes are whole');
    return status;
  } catch (thrown) {
    const error = asFinepuneError(thrown, io.signal);
    terminal.note(errorLine(error));
    if (verbose) terminal.note(stackOf(error));
    return error.exitCode;
  } finally {
    terminal.close();
  }
}

async function parse(words: string[]): Promise<Parsed> {
  let called: Called = { path: '', entry: undefined };
  let selected: Command | undefined;
  const flags = wordsBeforeDashes(words);
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
    .option('json', { type: 'boolean', describe: 'Nothing but JSON on standard output' })
    .option('verbose', { type: 'boolean', describe: 'More detail, and the stack of an error' })
    .fail((message: string | null, error: Error | undefined) => {
      throw new UsageError(message ?? error?.message ?? 'wrong usage', { cause: error });
    })
    .epilogue('Exit status: 0 done, 1 failed, 2 wrong usage, 130 interrupted.');
  const add = (into: Argv, command: Command, path: string): void => {
    into.command(
      [command.name, ...command.positionals.map(positionalUsage)].join(' '),
      command.describe,
      (inner) => {
        called = { path, entry: command };
        return describeCommand(inner, command, path);
      },
      () => {
        selected = command;
      },
    );
  };
  for (const entry of commands) {
    if (isGroup(entry)) {
      parser.command(entry.name, entry.describe, (inner) => {
        called = { path: entry.name, entry };
        for (const command of entry.commands) add(inner, command, `${entry.name} ${command.name}`);
        return inner.usage(`$0 ${entry.name} <what>\n\n${entry.describe}`);
      });
    } else {
      add(parser, entry, entry.name);
    }
  }

  let output = '';
  let values: Record<string, unknown> = {};
  try {
    const take = (_error: Error | undefined | null, _values: unknown, text: string): void => {
      output = text;
    };
    values = await parser.parseAsync(guardWords(words), {}, take);
  } catch (error) {
    throw error instanceof UsageError ? withHint(error, flags, called) : error;
  }
  if (output !== '') return { output, command: undefined, values };
  if (selected === undefined) throw commandMissing(flags, called);
  refuseSwitchValues(selected, flags);
  refuseGuardedValues(selected, values);
  return { output, command: selected, values };
}

/** @param path the words that call the command. */
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
  return parser.usage(`$0 ${[path, ...command.positionals.map(positionalUsage)].join(' ')}\n\n${command.describe}`);
}

function positionalWords(command: Command, values: Record<string, unknown>): Record<string, string[]> {
  return Object.fromEntries(
    command.positionals.map(({ name }) => {
      const value = values[name];
      const list = Array.isArray(value) ? value : value === undefined ? [] : [value];
      return [name, list.map((word) => unguarded(String(word)))];
    }),
  );
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

function stackOf(error: Error): string {
  const lines = [error.stack ?? error.message];
  for (let cause = error.cause; cause instanceof Error; cause = cause.cause)
    lines.push(`caused by ${cause.stack ?? cause.message}`);
  return lines.join('\n');
}
