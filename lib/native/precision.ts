/** What a precision that was asked for comes to on this machine. */
import type { AddonInfo, Precision } from './addon.js';

/**
 * One line where training in `precision` on `device` ('cpu' or 'cuda:N') is not what its name says; null where it is.
 * A CPU without instructions for bfloat16 would emulate it, slower than float32 and no more exact: float32 is used.
 */
export function precisionNote(
  precision: Precision,
  device: string,
  { bfloat16 }: Pick<AddonInfo, 'bfloat16'>,
): string | null {
  if (precision !== 'bf16' || device !== 'cpu' || bfloat16) return null;
  return 'precision bf16: this CPU has no instructions for it, fp32 is used';
}
