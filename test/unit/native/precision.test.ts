import { expect, test } from 'vitest';
import { precisionNote, usedPrecision } from '../../../lib/native/precision.js';

test('bf16 is fp32 on a CPU without bfloat16, and itself on one with it and on a GPU; so are all other precisions', () => {
  expect(usedPrecision('bf16', 'cpu', { bfloat16: false })).toBe('fp32');
  expect(usedPrecision('bf16', 'cpu', { bfloat16: true })).toBe('bf16');
  expect(usedPrecision('bf16', 'cuda:0', { bfloat16: false })).toBe('bf16');
  expect(usedPrecision('tf32', 'cuda:0', { bfloat16: false })).toBe('tf32');
  expect(usedPrecision('fp32', 'cpu', { bfloat16: false })).toBe('fp32');
});

test('only a precision that is not used is told of', () => {
  expect(precisionNote('bf16', 'fp32')).toContain('fp32 is used');
  expect(precisionNote('bf16', 'bf16')).toBeNull();
});
