import { describe, expect, it } from 'vitest';
import { choleskyRow, choleskyWithJitter, inverseFromFactor } from '../../../lib/bayes/linalg.js';
import { NumericsError } from '../../../lib/errors.js';

/** L L^T, lower triangle. */
function product(factor: Float64Array, size: number): number[] {
  const values: number[] = [];
  for (let i = 0; i < size; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = 0;
      for (let k = 0; k <= j; k++) sum += factor[i * size + k] * factor[j * size + k];
      values.push(sum);
    }
  }
  return values;
}

describe('choleskyWithJitter', () => {
  it('adds nothing where nothing is needed', () => {
    const matrix = Float64Array.from([4, 0, 0, 2, 5, 0, 1, 3, 6]);
    const factor = new Float64Array(9);
    expect(choleskyWithJitter(matrix, factor, 3, 3)).toBe(0);
    expect(product(factor, 3)).toEqual([4, 2, 5, 1, 3, 6].map((value) => expect.closeTo(value, 12) as number));
  });

  it.each([
    [1e-13, 1e-12],
    [1e-9, 1e-8],
    [1e-5, 1e-4],
  ])('climbs the ladder as far as it must: an eigenvalue of -%f needs %f', (below, rung) => {
    // Eigenvalues 2 + below and -below.
    const matrix = Float64Array.from([1, 0, 1 + below, 1]);
    expect(choleskyWithJitter(matrix, new Float64Array(4), 2, 2)).toBeCloseTo(rung, 15);
  });

  it('raises NumericsError where the ladder ends', () => {
    const factor = new Float64Array(4);
    expect(() => choleskyWithJitter(Float64Array.from([1, 0, 1.01, 1]), factor, 2, 2)).toThrow(NumericsError);
    expect(() => choleskyWithJitter(Float64Array.from([1, 0, NaN, 1]), factor, 2, 2)).toThrow(NumericsError);
    expect(() => choleskyWithJitter(Float64Array.from([Infinity, 0, 0, 1]), factor, 2, 2)).toThrow(NumericsError);
  });

  it('gives a factor that grows row by row to the same bits', () => {
    const matrix = Float64Array.from([4, 0, 0, 2, 5, 0, 1, 3, 6]);
    const whole = new Float64Array(9);
    choleskyWithJitter(matrix, whole, 3, 3);
    const grown = new Float64Array(matrix);
    for (let i = 0; i < 3; i++) expect(choleskyRow(grown, 3, i)).toBe(true);
    for (let i = 0; i < 3; i++) for (let j = 0; j <= i; j++) expect(grown[3 * i + j]).toBe(whole[3 * i + j]);
  });
});

describe('inverseFromFactor', () => {
  it('is the inverse', () => {
    const factor = new Float64Array(4);
    choleskyWithJitter(Float64Array.from([4, 0, 2, 5]), factor, 2, 2);
    const inverse = new Float64Array(4);
    inverseFromFactor(factor, 2, 2, new Float64Array(4), inverse);
    expect([inverse[0], inverse[2], inverse[3]]).toEqual(
      [5 / 16, -2 / 16, 4 / 16].map((v) => expect.closeTo(v, 12) as number),
    );
  });
});
