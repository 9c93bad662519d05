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
  return text?.split(',').map((word) => {
    const share = Number(word);
    if (!(share > 0 && share <= 1)) {
      throw new UsageError(`expected a list of shares above 0 and up to 1 for ${flag} but received "${word}"`);
    }
    return share;
  });
}
