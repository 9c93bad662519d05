/** What --help says of the tuner's own defaults. */

import { completeConfig } from '../../tuner/config.js';
import type { FlagTable } from './flag.js';

/** Puts the tuner's own defaults, where they do not depend on the images, into --help. */
export function withDefaults<Table extends FlagTable>(table: Table): Table {
  const dependent = new Set(['out', 'model', 'warmupSteps', 'freshSteps', 'roundSteps', 'finetuneSteps', 'threads']);
  const entries = Object.entries(table).map(([field, flag]) => {
    const text = dependent.has(field) ? null : defaultText(field);
    return [field, text === null ? flag : { ...flag, defaultText: text }];
  });
  return Object.fromEntries(entries) as Table;
}

/** A field's default, and where another holds; null where there is nothing to tell. */
function defaultText(field: string): string | null {
  const [usual, demo, fresh] = [
    { freshShare: 0, demo: false },
    { freshShare: 0, demo: true },
    { freshShare: 1, demo: false },
  ].map((context) => {
    const complete: Record<string, string | number | boolean | null> = {
      ...completeConfig({ model: '', out: '' }, { fitImages: 1, ...context }),
    };
    return Object.hasOwn(complete, field) ? complete[field] : null;
  });
  if (usual === null || usual === false) return null;
  const others = [
    demo === usual ? [] : [`${demo} in the demo`],
    fresh === usual ? [] : [`${fresh} where most of the network starts fresh`],
  ].flat();
  return [String(usual), ...others].join('; ');
}
