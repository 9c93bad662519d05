import { describe, expect, it } from 'vitest';
import { beyondCodedLimit, mostCodedValues, type SizedTensor } from '../../../lib/models/coded-limit.js';

/** Whether a reader takes a file with these tensors, those of `plain` not coded. */
function isWithinLimit(tensors: readonly SizedTensor[], plain: readonly number[]): boolean {
  let values = 0;
  let bytes = 0;
  tensors.forEach(({ elements, codeBytes }, index) => {
    const isCoded = codeBytes !== undefined && !plain.includes(index);
    bytes += isCoded ? codeBytes : 4 * elements;
    if (isCoded) values += elements;
  });
  return values <= mostCodedValues(bytes);
}

describe('the bound on coded tensors', () => {
  it('leaves everything coded where the file is large enough', () => {
    expect(beyondCodedLimit([])).toEqual([]);
    expect(beyondCodedLimit([{ elements: 2 ** 24, codeBytes: 0 }])).toEqual([]);
    expect(beyondCodedLimit([{ elements: 2 ** 24 + 1024, codeBytes: 1 }])).toEqual([]);
    expect(
      beyondCodedLimit([
        { elements: 2 ** 25, codeBytes: 9 },
        { elements: 2 ** 24, codeBytes: undefined },
      ]),
    ).toEqual([]);
  });

  it('has the one tensor stored as it is that is too large alone', () => {
    expect(beyondCodedLimit([{ elements: 2 ** 24 + 1, codeBytes: 0 }])).toEqual([0]);
  });

  it('takes the smallest tensor that is enough', () => {
    const tensors = [2 ** 25, 100, 10_000, 1_000_000].map((elements) => ({ elements, codeBytes: 20 }));
    expect(beyondCodedLimit(tensors)).toEqual([2]);
    expect(isWithinLimit(tensors, [2])).toBe(true);
  });

  it('takes more than one where none is enough', () => {
    const tensors = Array.from({ length: 50_000 }, () => ({ elements: 4096, codeBytes: 3 }));
    const plain = beyondCodedLimit(tensors);
    expect(plain.length).toBeGreaterThan(1);
    expect(plain.length).toBeLessThan(20);
    expect(isWithinLimit(tensors, plain)).toBe(true);
    expect(isWithinLimit(tensors, plain.slice(1))).toBe(false);
  });
});
