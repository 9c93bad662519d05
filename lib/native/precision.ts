/** What a precision that was asked for comes to on this machine. */
import { UsageError } from '../errors.js';
import type { AddonInfo, Precision } from './addon.js';

/**
 * Refuses what no device of the kind computes.
 * @param device 'cpu' or 'cuda:N'.
 * @throws UsageError tf32 on the CPU.
 */
export function requirePrecision(precision: Precision, device: string): void {
  if (precision === 'tf32' && device === 'cpu') {
    throw new UsageError('precision tf32 was asked for on the CPU; use fp32 or bf16, or a CUDA device');
  }
}

/**
 * What training in `precision` on `device` ('cpu' or 'cuda:N') is computed in: a CPU without instructions for bfloat16 would
 * emulate it, slower than float32 and no more exact, so float32 is used there.
 */
export function usedPrecision(
  precision: Precision,
  device: string,
  { bfloat16 }: Pick<AddonInfo, 'bfloat16'>,
): Precision {
  return precision === 'bf16' && device === 'cpu' && !bfloat16 ? 'fp32' : precision;
}

/** One line where training is not computed in the precision that was asked for; null where it is. */
export function precisionNote(asked: Precision, used: Precision): string | null {
  return asked === used ? null : `precision ${asked}: this CPU has no instructions for it, ${used} is used`;
}
