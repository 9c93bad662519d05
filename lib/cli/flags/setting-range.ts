/** The bounds of tune's settings as a flag takes them. */

import { NUMBER_RULES, type NumberRule } from '../../tuner/config.js';
import type { NumberRange } from './flag.js';

/** The range that `tune` takes for a setting. */
export function rangeOf(field: keyof typeof NUMBER_RULES): NumberRange {
  const { least, most, openLeast, openMost }: NumberRule = NUMBER_RULES[field];
  return { ...(openLeast ? { above: least } : { min: least }), ...(openMost ? { below: most } : { max: most }) };
}
