/** One flag: how it is called, what it means, and which values it takes. Shared by the command line and --config files. */

import { UsageError } from '../../errors.js';

export interface Flag<Value> {
  /** As typed, without the dashes: "max-drop". */
  readonly name: string;
  readonly describe: string;
  /** A switch without a value. */
  readonly boolean: boolean;
  /** The value taken where the flag is not given, for --help. */
  readonly defaultText?: string;
  /**
   * Checks a value from the command line (text, or a boolean for a switch) or from a config file (JSON).
   *
   * @param where how to name the value in a message: "--rounds", or "rounds in run.json"
   * @throws UsageError one line that names `where` and what was expected
   */
  parse(value: unknown, where: string): Value;
}

/** Flags of a command by the name its code uses for them. */
export type FlagTable = Record<string, Flag<unknown>>;

/** What a table's flags hold; a flag that was not given is absent. */
export type FlagValues<Table extends FlagTable> = {
  [Name in keyof Table]?: Table[Name] extends Flag<infer Value> ? Value : never;
};

export interface NumberRange {
  /** Smallest value. */
  min?: number;
  /** Smallest value, itself excluded. */
  above?: number;
  /** Largest value. */
  max?: number;
  /** Largest value, itself excluded. */
  below?: number;
}

/** A whole number within a range; 2^53 - 1 is the largest that a double holds exactly. */
export function integerFlag(name: string, describe: string, range: NumberRange): Flag<number> {
  const expected = `a whole number ${rangeInWords(range)}`.trimEnd();
  return {
    name,
    describe,
    boolean: false,
    parse: (value, where) => {
      const number = toNumber(value);
      if (!Number.isSafeInteger(number) || !isWithin(number, range)) throw unexpected(where, expected, value);
      return number;
    },
  };
}

/** A finite number within a range. */
export function numberFlag(name: string, describe: string, range: NumberRange): Flag<number> {
  const expected = `a number ${rangeInWords(range)}`.trimEnd();
  return {
    name,
    describe,
    boolean: false,
    parse: (value, where) => {
      const number = toNumber(value);
      if (!Number.isFinite(number) || !isWithin(number, range)) throw unexpected(where, expected, value);
      return number;
    },
  };
}

/** Text that is not empty: a path, a name. */
export function textFlag(name: string, describe: string): Flag<string> {
  return {
    name,
    describe,
    boolean: false,
    parse: (value, where) => {
      if (typeof value !== 'string' || value === '') throw unexpected(where, 'text', value);
      return value;
    },
  };
}

/** One of a few words. */
export function choiceFlag<Choice extends string>(
  name: string,
  describe: string,
  choices: readonly Choice[],
): Flag<Choice> {
  return {
    name,
    describe: `${describe} (${choices.join(', ')})`,
    boolean: false,
    parse: (value, where) => {
      const choice = choices.find((candidate) => candidate === value);
      if (choice === undefined)
        throw unexpected(where, choices.length === 1 ? `"${choices[0]}"` : `one of ${choices.join(', ')}`, value);
      return choice;
    },
  };
}

/** A switch. */
export function switchFlag(name: string, describe: string): Flag<boolean> {
  return {
    name,
    describe,
    boolean: true,
    parse: (value, where) => {
      if (typeof value !== 'boolean') throw unexpected(where, 'true or false', value);
      return value;
    },
  };
}

/** Where a device is named: "auto", "cpu", "cuda" or "cuda:N". Whether it is there is the native side's to say. */
export function deviceFlag(): Flag<string> {
  return {
    name: 'device',
    describe: 'Where to compute: auto, cpu or cuda:N; a device that is not there is an error',
    boolean: false,
    parse: (value, where) => {
      if (typeof value !== 'string' || !/^(auto|cpu|cuda(:\d+)?)$/.test(value)) {
        throw unexpected(where, 'auto, cpu or cuda:N', value);
      }
      return value;
    },
  };
}

/** null is how RUN/config.json says "not set", so that such a file can be given back as --config. */
export function nullable<Value>(flag: Flag<Value>): Flag<Value | null> {
  return { ...flag, parse: (value, where) => (value === null ? null : flag.parse(value, where)) };
}

function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  // Number('') is 0, and Number('0x10') is 16: neither is what somebody meant to type.
  if (typeof value === 'string' && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value)) return Number(value);
  return Number.NaN;
}

function isWithin(number: number, { min, above, max, below }: NumberRange): boolean {
  return (
    (min === undefined || number >= min) &&
    (above === undefined || number > above) &&
    (max === undefined || number <= max) &&
    (below === undefined || number < below)
  );
}

function rangeInWords({ min, above, max, below }: NumberRange): string {
  if (min !== undefined && max !== undefined) return `from ${min} to ${max}`;
  const parts = [
    min === undefined ? '' : `${min} or more`,
    above === undefined ? '' : `above ${above}`,
    max === undefined ? '' : `at most ${max}`,
    below === undefined ? '' : `below ${below}`,
  ];
  return parts.filter((part) => part !== '').join(' and ');
}

function unexpected(where: string, expected: string, value: unknown): UsageError {
  const received =
    typeof value === 'string' ? `"${value}"` : typeof value === 'number' ? String(value) : JSON.stringify(value);
  return new UsageError(`expected ${expected} for ${where} but received ${received}`);
}
