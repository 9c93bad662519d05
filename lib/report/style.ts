/** The report's looks: light and dark by the reader's setting, always light on paper. */

const LIGHT = `
  color-scheme: light;
  --ground: #ffffff; --panel: #f6f7f9; --ink: #1b1f24; --quiet: #5c6570; --line: #d9dde3; --grid: #e8ebef; --bar: #cfe0f5;
  --c0: #1f6fc0; --c1: #c2570c; --c2: #2f855a; --c3: #9b2c77; --c4: #8a6d00; --c5: #5b4bb5; --c6: #007d8a; --c7: #b03030;
  --ramp-from: 20%; --ramp-to: 45%;`;

const DARK = `
  color-scheme: dark;
  --ground: #14171b; --panel: #1c2026; --ink: #e8eaed; --quiet: #9aa4b0; --line: #343a43; --grid: #272c33; --bar: #24405f;
  --c0: #63a8f0; --c1: #f0934e; --c2: #5fc08c; --c3: #e07fbe; --c4: #d8b94a; --c5: #a394f5; --c6: #4cc3d0; --c7: #ee7b7b;
  --ramp-from: 58%; --ramp-to: 84%;`;

export const style = `
:root {${LIGHT}
}
@media (prefers-color-scheme: dark) { :root {${DARK}
} }
@media print { :root {${LIGHT}
} }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 32px 24px 64px; background: var(--ground); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 19px; margin: 40px 0 12px; }
h3 { font-size: 15px; margin: 0 0 2px; }
p { margin: 0 0 12px; }
.quiet { color: var(--quiet); }
.path { overflow-wrap: anywhere; }
.banner { background: var(--panel); border-left: 4px solid var(--c1); padding: 10px 14px; margin: 16px 0; border-radius: 4px; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(200px, 1fr)); gap: 12px; margin: 20px 0; }
.card { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 12px 16px; }
.card b { display: block; font-size: 24px; line-height: 1.3; font-weight: 650; font-variant-numeric: tabular-nums; }
.card span { color: var(--quiet); font-size: 13px; display: block; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 16px; }
.chart { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 14px 16px; min-width: 0; break-inside: avoid; margin: 0; }
.chart p { color: var(--quiet); font-size: 13px; margin: 0 0 8px; }
.plot { min-height: 300px; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 5px 12px 5px 0; border-bottom: 1px solid var(--line); vertical-align: top; }
th { font-weight: 600; color: var(--quiet); font-size: 13px; }
td { overflow-wrap: anywhere; }
td:first-child { min-width: 7em; }
.number { text-align: right; white-space: nowrap; }
td.bar { background: linear-gradient(to right, var(--bar) var(--share), transparent var(--share)); padding-left: 8px; }
.config { columns: 2; column-gap: 32px; }
.config div { display: flex; justify-content: space-between; gap: 16px; border-bottom: 1px solid var(--line); padding: 4px 0; break-inside: avoid; }
.config dt { color: var(--quiet); } .config dd { margin: 0; text-align: right; overflow-wrap: anywhere; min-width: 0; }
@media (max-width: 700px) { .config { columns: 1; } body { padding: 20px 14px; } }
.uplot { font: inherit; }
.u-legend { font-size: 12px; color: var(--ink); max-height: 108px; overflow-y: auto; text-align: left; }
.u-legend th, .u-legend td { border: 0; padding: 1px 4px; color: inherit; font-size: 12px; width: auto; }
.u-legend.u-inline { width: auto; margin: 4px 0 0 48px; }
.u-legend.u-inline.u-live th::after { content: ''; }
.u-legend th { font-weight: 400; }
.u-legend tr:first-child { color: var(--quiet); }
.u-legend .u-value { font-weight: 600; }
.u-legend .unlisted { display: none; }
.after { margin-top: 10px; }
@media print {
  body { max-width: none; padding: 0; font-size: 11pt; }
  .charts { grid-template-columns: 1fr; }
  .chart, .card { background: none; }
  .u-legend { max-height: none; }
  h2 { break-after: avoid; }
}
`;
