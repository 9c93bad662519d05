import { describe, expect, it } from 'vitest';
import { choicesOf, countsOf, namesOf, sharesOf } from '../../../lib/cli/commands/bench/lists.js';
import { UsageError } from '../../../lib/errors.js';

describe('lists of a benchmark', () => {
  it('are words with commas, and spaces where somebody put them', () => {
    expect(choicesOf('b, a', '--parts', ['a', 'b'])).toEqual(['b', 'a']);
    expect(namesOf('alexnet, own/spec.json', '--models')).toEqual(['alexnet', 'own/spec.json']);
    expect(sharesOf('1, .3,1e-2', '--densities')).toEqual([1, 0.3, 0.01]);
    expect(countsOf('1,32', '--batches')).toEqual([1, 32]);
    expect(countsOf(undefined, '--batches')).toBeUndefined();
  });

  it.each([
    () => choicesOf('a,', '--flag', ['a', 'b']),
    () => namesOf('a,,b', '--flag'),
    () => namesOf(',', '--flag'),
    ...['', '0x1', '0', '1.5', 'NaN', '1,'].map((text) => () => sharesOf(text, '--flag')),
    ...['0', '4097', '1.5', '0x10'].map((text) => () => countsOf(text, '--flag')),
  ])('refuse what is empty, unknown or out of range, and name the flag', (read) => {
    expect(read).toThrow(UsageError);
    expect(read).toThrow(/--flag/);
  });
});
