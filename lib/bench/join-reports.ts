/** Several parts of a benchmark in one report. */
import type { BenchReport } from './types.js';

/** Of one part or more: rows in order, ratios of all, and the machine of the last part, which knows the versions of what ran beside. */
export function joinReports(parts: readonly BenchReport[]): BenchReport {
  return {
    rows: parts.flatMap(({ rows }) => rows),
    ratios: Object.assign({}, ...parts.map(({ ratios }) => ratios)) as Record<string, number>,
    machine: parts[parts.length - 1].machine,
  };
}
