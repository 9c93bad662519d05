/** What every benchmark prints. */
import type { BenchReport, BenchRow } from '../../../bench/types.js';
import type { CommandContext } from '../../command.js';
import { renderTable } from '../../render/table.js';

/** Runs a benchmark and prints its report; returns the exit status. */
export async function printBench(context: CommandContext, measure: () => Promise<BenchReport>): Promise<number> {
  context.onSlowWork('interrupted: stopping after the measurement under way');
  const report = await measure();
  if (context.json) context.terminal.json(report);
  else context.terminal.print(renderReport(report));
  return 0;
}

/** Says on the way what was measured. */
export function rowNotes({ terminal }: CommandContext): (row: BenchRow) => void {
  return ({ name, median, unit, missing }) =>
    terminal.note(
      missing === undefined ? `measured ${name}: ${figure(median)} ${unit}` : `not measured, ${name}: ${missing}`,
    );
}

function renderReport({ rows, ratios, machine }: BenchReport): string {
  const table = renderTable(
    [
      { title: 'measured', align: 'left' },
      { title: 'unit', align: 'left' },
      { title: 'median', align: 'right' },
      { title: 'worst', align: 'right' },
      { title: 'seconds', align: 'right' },
    ],
    rows.map(cellsOf),
  );
  const lines = Object.entries(ratios).map(([name, ratio]) => `${name}: ${figure(ratio)}`);
  const reasons = rows.flatMap(({ name, missing }) =>
    missing === undefined ? [] : [`${name}: not measured, ${missing}`],
  );
  return [table, ...lines, ...reasons, machineLine(machine)].join('\n');
}

function cellsOf({ name, unit, median, worst, medianSeconds }: BenchRow): string[] {
  return [name, unit, figure(median), figure(worst), medianSeconds?.toFixed(2) ?? ''];
}

/** A dash where there is no number. */
function figure(value: number): string {
  return Number.isNaN(value) ? '-' : value.toPrecision(3);
}

function machineLine({ gpu, cpu, threads, node, libtorch, baseline }: BenchReport['machine']): string {
  const versions = Object.entries({ node, libtorch, ...baseline }).flatMap(([name, version]) =>
    version === null ? [] : [`${name} ${version}`],
  );
  return [gpu ?? [], cpu, `${threads} ${threads === 1 ? 'thread' : 'threads'}`, versions].flat().join(', ');
}
