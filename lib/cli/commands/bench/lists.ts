/** Lists given as one word, such as 1,0.3,0.1. */
import { UsageError } from '../../../errors.js';
import { type Flag, integerFlag, numberFlag } from '../../flags/flag.js';

const share = numberFlag('', '', { above: 0, max: 1 });
const count = integerFlag('', '', { min: 1, max: 4096 });

/** Choices by name. @throws UsageError naming the flag and the choices. */
export function choicesOf<Choice extends string>(
  text: string | undefined,
  flag: string,
  choices: readonly Choice[],
): Choice[] | undefined {
  return wordsOf(text)?.map((word) => {
    const choice = choices.find((candidate) => candidate === word);
    if (choice === undefined) {
      throw new UsageError(`expected a list of ${choices.join(', ')} for ${flag} but received "${word}"`);
    }
    return choice;
  });
}

/** Names of any kind. @throws UsageError naming the flag, where one is empty. */
export function namesOf(text: string | undefined, flag: string): string[] | undefined {
  const names = wordsOf(text);
  if (names?.includes('')) throw new UsageError(`expected a list of names for ${flag} but received "${text ?? ''}"`);
  return names;
}

/** Shares in (0, 1]. @throws UsageError naming the flag. */
export function sharesOf(text: string | undefined, flag: string): number[] | undefined {
  return numbersOf(text, flag, share);
}

/** Whole numbers from 1 to 4,096. @throws UsageError naming the flag. */
export function countsOf(text: string | undefined, flag: string): number[] | undefined {
  return numbersOf(text, flag, count);
}

/** Each is what the flag of one number takes. */
function numbersOf(text: string | undefined, flag: string, one: Flag<number>): number[] | undefined {
  return wordsOf(text)?.map((word) => one.parse(word, `each of ${flag}`));
}

function wordsOf(text: string | undefined): string[] | undefined {
  return text?.split(',').map((word) => word.trim());
}
