/** Lists given as one word, such as 1,0.3,0.1. */
import { UsageError } from '../../../errors.js';

/** Choices by name. @throws UsageError naming the flag and the choices. */
export function choicesOf<Choice extends string>(
  text: string | undefined,
  flag: string,
  choices: readonly Choice[],
): Choice[] | undefined {
  return text?.split(',').map((word) => {
    const choice = choices.find((candidate) => candidate === word);
    if (choice === undefined) {
      throw new UsageError(`expected a list of ${choices.join(', ')} for ${flag} but received "${word}"`);
    }
    return choice;
  });
}

/** Shares in (0, 1]. @throws UsageError naming the flag. */
export function sharesOf(text: string | undefined, flag: string): number[] | undefined {
  return numbersOf(text, flag, 'shares above 0 and up to 1', (value) => value > 0 && value <= 1);
}

/** Whole numbers from 1 to 4,096. @throws UsageError naming the flag. */
export function countsOf(text: string | undefined, flag: string): number[] | undefined {
  const fits = (value: number): boolean => Number.isSafeInteger(value) && value >= 1 && value <= 4096;
  return numbersOf(text, flag, 'whole numbers from 1 to 4096', fits);
}

function numbersOf(
  text: string | undefined,
  flag: string,
  expected: string,
  fits: (value: number) => boolean,
): number[] | undefined {
  return text?.split(',').map((word) => {
    const value = word.trim() === '' ? Number.NaN : Number(word);
    if (!fits(value)) throw new UsageError(`expected a list of ${expected} for ${flag} but received "${word}"`);
    return value;
  });
}
