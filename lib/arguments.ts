/**
 * Checks of what callers give, for every entry of the API: types hold nothing where JavaScript calls, or where a value was
 * read from a file. A value that is undefined counts as not given.
 */

import { describeValue, UsageError } from './errors.js';
import { didYouMean } from './suggest.js';

/** What an argument may be. */
export interface Rule {
  /** In words: "expected ... for threads". */
  readonly expected: string;
  readonly accepts: (value: unknown) => boolean;
  /** Whether undefined is refused too. */
  readonly required?: boolean;
}

/** One rule a field: an option without a rule does not compile. */
export type Rules<Options> = { readonly [Field in keyof Options]-?: Rule };

export interface NumberRange {
  least: number;
  most: number;
  /** Whether `least` and `most` themselves are outside. */
  openLeast?: boolean;
  openMost?: boolean;
}

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const text: Rule = { expected: 'text', accepts: isText };
export const path: Rule = { expected: 'a path', accepts: isText };
export const modelName: Rule = { expected: 'a name in models/ or a path', accepts: isText };
export const trueOrFalse: Rule = { expected: 'true or false', accepts: (value) => typeof value === 'boolean' };
export const callback: Rule = { expected: 'a function', accepts: (value) => typeof value === 'function' };
export const texts: Rule = {
  expected: 'a list of texts',
  accepts: (value) => Array.isArray(value) && value.every((entry) => typeof entry === 'string'),
};

/** By what is used of it: a signal may come from another realm, or from a library of its own. */
export const abortSignal: Rule = {
  expected: 'an AbortSignal',
  accepts: (value) =>
    isObject(value) &&
    typeof value.aborted === 'boolean' &&
    typeof value.addEventListener === 'function' &&
    typeof value.removeEventListener === 'function',
};

/** A whole number from `least` to `most`; 2^53 - 1 is the largest that a double holds exactly. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): Rule {
  return {
    expected: `a whole number ${most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`}`,
    accepts: (value) => Number.isSafeInteger(value) && Number(value) >= least && Number(value) <= most,
  };
}

/** A number within a range. */
export function numberWithin({ least, most, openLeast = false, openMost = false }: NumberRange): Rule {
  return {
    expected: `a number ${openLeast ? 'above' : 'from'} ${least} ${openMost ? 'to below' : 'to'} ${most}`,
    accepts: (value) =>
      typeof value === 'number' &&
      (openLeast ? value > least : value >= least) &&
      (openMost ? value < most : value <= most),
  };
}

/** One of a few words. */
export function oneOf(words: readonly string[]): Rule {
  return {
    expected: words.length === 1 ? `"${words[0]}"` : `one of ${words.join(', ')}`,
    accepts: (value) => typeof value === 'string' && words.includes(value),
  };
}

/** The rule, or null. */
export function nullable({ expected, accepts }: Rule): Rule {
  return { expected: `${expected} or null`, accepts: (value) => value === null || accepts(value) };
}

/** The rule, and undefined is refused. */
export function required(rule: Rule): Rule {
  return { ...rule, required: true };
}

/** @throws UsageError where the argument called `name` is missing or not what the rule says. */
export function checkArgument(name: string, value: unknown, { expected, accepts }: Rule): void {
  if (!accepts(value)) {
    throw new UsageError(`expected ${expected} for ${name} but received ${describeValue(value)}`);
  }
}

/**
 * Checks every field of an options object, and that it has no others.
 *
 * @param owner whose options these are, for the message
 * @throws UsageError naming the first field at fault
 */
export function checkFields(owner: string, options: unknown, rules: Readonly<Record<string, Rule>>): void {
  if (!isObject(options)) {
    throw new UsageError(`expected an object of options for ${owner} but received ${describeValue(options)}`);
  }
  const known = Object.keys(rules);
  const unknown = Object.keys(options).find((name) => options[name] !== undefined && !known.includes(name));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, known) || `; known: ${known.join(', ')}`;
    throw new UsageError(`unknown option "${unknown}" of ${owner}${hint}`);
  }
  for (const [name, rule] of Object.entries(rules)) {
    if (options[name] !== undefined || rule.required === true) checkArgument(name, options[name], rule);
  }
}
