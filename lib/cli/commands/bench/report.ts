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
  return ({ name, median, unit }) => terminal.note(`measured ${name}: ${median.toPrecision(3)} ${unit}`);
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
  const lines = Object.entries(ratios).map(([name, ratio]) => `${name}: ${ratio.toPrecision(3)}`);
  const gpu = machine.gpu === null ? '' : `${machine.gpu}, `;
  return [table, ...lines, `${gpu}${machine.cpu}, ${machine.threads} threads, node ${machine.node}`].join('\n');
}

function cellsOf({ name, unit, median, worst, medianSeconds }: BenchRow): string[] {
  return [name, unit, median.toPrecision(3), worst.toPrecision(3), medianSeconds?.toFixed(2) ?? ''];
}
