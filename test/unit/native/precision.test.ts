import { expect, test } from 'vitest';
import { precisionNote } from '../../../lib/native/precision.js';

test('a CPU without bfloat16 says that it trains in float32; one with it, a GPU and other precisions have nothing to say', () => {
  expect(precisionNote('bf16', 'cpu', { bfloat16: false })).toContain('fp32 is used');
  expect(precisionNote('bf16', 'cpu', { bfloat16: true })).toBeNull();
  expect(precisionNote('bf16', 'cuda:0', { bfloat16: false })).toBeNull();
  expect(precisionNote('fp32', 'cpu', { bfloat16: false })).toBeNull();
});
