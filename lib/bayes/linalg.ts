/**
 * Dense linear algebra of the Gaussian process on Float64Array: Cholesky factor, triangular solves, inverse.
 *
 * A matrix of n rows lies row by row with a row length (`stride`) of at least n, so that rows can be appended without a
 * copy. Only the lower triangle is read and written. Row i of a factor depends on rows 0..i alone, in a fixed order of
 * operations: a factor extended row by row equals, bit for bit, one computed at once.
 */
import { NumericsError } from '../errors.js';

/** Sum of a[aStart + k] * b[bStart + k] for k < length, in four running sums (an order that never changes). */
export function dot(a: Float64Array, aStart: number, b: Float64Array, bStart: number, length: number): number {
  let s0 = 0;
  let s1 = 0;
  let s2 = 0;
  let s3 = 0;
  let k = 0;
  for (const end = length - 3; k < end; k += 4) {
    s0 += a[aStart + k] * b[bStart + k];
    s1 += a[aStart + k + 1] * b[bStart + k + 1];
    s2 += a[aStart + k + 2] * b[bStart + k + 2];
    s3 += a[aStart + k + 3] * b[bStart + k + 3];
  }
  for (; k < length; k++) s0 += a[aStart + k] * b[bStart + k];
  return s0 + s1 + (s2 + s3);
}

/**
 * Row `i` of the Cholesky factor, in place of row `i` of the matrix; rows before it must be factored already.
 *
 * @returns whether the pivot was positive; where not, the row holds no factor.
 */
export function choleskyRow(matrix: Float64Array, stride: number, i: number): boolean {
  const row = i * stride;
  for (let j = 0; j < i; j++) {
    const other = j * stride;
    matrix[row + j] = (matrix[row + j] - dot(matrix, row, matrix, other, j)) / matrix[other + j];
  }
  const pivot = matrix[row + i] - dot(matrix, row, matrix, row, i);
  if (!(pivot > 0) || pivot === Infinity) return false;
  matrix[row + i] = Math.sqrt(pivot);
  return true;
}

/** The Cholesky factor L of a symmetric matrix A = L L^T, in place; false where A is not positive definite. */
export function cholesky(matrix: Float64Array, stride: number, rows: number): boolean {
  for (let i = 0; i < rows; i++) if (!choleskyRow(matrix, stride, i)) return false;
  return true;
}

/** What is added to the diagonal, as a share of its mean, until the factorisation succeeds. */
const JITTER_LADDER = [0, 1e-12, 1e-10, 1e-8, 1e-6, 1e-4];

/**
 * The Cholesky factor with as little added to the diagonal as it needs.
 *
 * @param matrix lower triangle of a symmetric matrix, rows x stride; left as it is.
 * @param factor receives L.
 * @returns the jitter added to every diagonal entry, absolute.
 * @throws NumericsError where even 1e-4 of the mean diagonal does not help, or an entry is not finite.
 */
export function choleskyWithJitter(matrix: Float64Array, factor: Float64Array, stride: number, rows: number): number {
  let mean = 0;
  for (let i = 0; i < rows; i++) mean += matrix[i * stride + i] / rows;
  for (const share of JITTER_LADDER) {
    factor.set(matrix.subarray(0, rows * stride));
    const jitter = share * mean;
    for (let i = 0; i < rows; i++) factor[i * stride + i] += jitter;
    if (cholesky(factor, stride, rows)) return jitter;
  }
  throw new NumericsError(
    `choleskyWithJitter: a ${rows} x ${rows} covariance is not positive definite even with 1e-4 of its diagonal added; check the observations for values that are not finite or differ by more than 1e12`,
  );
}

/** Solves L x = b in place of b. */
export function solveLower(factor: Float64Array, stride: number, rows: number, b: Float64Array): void {
  for (let i = 0; i < rows; i++) {
    const row = i * stride;
    b[i] = (b[i] - dot(factor, row, b, 0, i)) / factor[row + i];
  }
}

/** Solves L^T x = b in place of b. */
export function solveLowerTransposed(factor: Float64Array, stride: number, rows: number, b: Float64Array): void {
  for (let i = rows - 1; i >= 0; i--) {
    const row = i * stride;
    const value = b[i] / factor[row + i];
    b[i] = value;
    // Row-wise, so that memory is read in order.
    for (let j = 0; j < i; j++) b[j] -= value * factor[row + j];
  }
}

/**
 * The lower triangle of A^-1 = L^-T L^-1 from the factor L of A.
 *
 * @param scratch receives (L^-1)^T, rows x stride, upper triangle.
 */
export function inverseFromFactor(
  factor: Float64Array,
  stride: number,
  rows: number,
  scratch: Float64Array,
  inverse: Float64Array,
): void {
  // Column j of L^-1 lies in row j of scratch, so that both products below run along rows.
  for (let j = 0; j < rows; j++) {
    const column = j * stride;
    scratch[column + j] = 1 / factor[column + j];
    for (let i = j + 1; i < rows; i++) {
      const row = i * stride;
      scratch[column + i] = -dot(factor, row + j, scratch, column + j, i - j) / factor[row + i];
    }
  }
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j <= i; j++) {
      inverse[i * stride + j] = dot(scratch, i * stride + i, scratch, j * stride + i, rows - i);
    }
  }
}
