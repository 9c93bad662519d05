/** What a precision that was asked for comes to on this machine. */
import type { AddonInfo, Precision } from './addon.js';

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
