/** What a command is: a name, flags, and the work, which is loaded only when it runs. */

import type { Flag, FlagTable, FlagValues } from './flags/flag.js';
import type { Terminal } from './render/terminal.js';

/** What users type to run it. */
export const PROGRAM = 'finepune-native';

export interface CommandContext {
  terminal: Terminal;
  /** --json: nothing but JSON on stdout. */
  json: boolean;
  verbose: boolean;
  signal: AbortSignal;
  /**
   * Says that from here on the command answers `signal`; `notice` is printed at the first Ctrl-C. Called again, where
   * another notice has come true.
   */
  onSlowWork: (notice: string) => void;
}

export interface Positional {
  name: string;
  describe: string;
  required: boolean;
  /** Takes all the words that are left. */
  many?: boolean;
}

export interface Command {
  readonly name: string;
  readonly describe: string;
  readonly positionals: readonly Positional[];
  readonly flags: FlagTable;
  readonly examples: readonly (readonly [command: string, meaning: string])[];
  /** What it makes is in files: without --json its words on standard output only tell of it. */
  readonly resultOnDisk: boolean;
  /**
   * @param given flags as parsed from the command line, not yet checked
   * @returns exit status
   */
  run(given: Record<string, unknown>, words: Record<string, string[]>, context: CommandContext): Promise<number>;
}

/** Commands under one name, such as `bench bayes`. */
export interface CommandGroup {
  readonly name: string;
  readonly describe: string;
  readonly commands: readonly Command[];
}

interface CommandDefinition<Table extends FlagTable> {
  name: string;
  describe: string;
  positionals?: readonly Positional[];
  flags: Table;
  examples?: readonly (readonly [command: string, meaning: string])[];
  resultOnDisk?: boolean;
  run(flags: FlagValues<Table>, words: Record<string, string[]>, context: CommandContext): Promise<number>;
}

/** Ties a command's work to the types of its flags. */
export function defineCommand<Table extends FlagTable>(definition: CommandDefinition<Table>): Command {
  return {
    name: definition.name,
    describe: definition.describe,
    positionals: definition.positionals ?? [],
    flags: definition.flags,
    examples: definition.examples ?? [],
    resultOnDisk: definition.resultOnDisk ?? false,
    run: (given, words, context) => definition.run(checkFlags(definition.flags, given), words, context),
  };
}

/** The checked values of the flags that were given. */
function checkFlags<Table extends FlagTable>(table: Table, given: Record<string, unknown>): FlagValues<Table> {
  const values: Record<string, unknown> = {};
  for (const [key, flag] of Object.entries<Flag<unknown>>(table)) {
    const found = given[flag.name];
    // Given twice, the later one counts, as in a shell alias with a flag added.
    const value: unknown = Array.isArray(found) ? found.at(-1) : found;
    if (value !== undefined) values[key] = flag.parse(value, `--${flag.name}`);
  }
  return values as FlagValues<Table>;
}
