/** The HTML report of a run. */

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { checkArgument, checkFields, path as pathRule, type Rules } from '../arguments.js';
import { writeFileAtomically } from '../atomic-file.js';
import { runPaths } from '../run/run-directory.js';
import { renderPage } from './page.js';
import { readRun } from './read-run.js';

export interface ReportOptions {
  /** Where to write; RUN/report.html if not given. */
  out?: string | undefined;
}

const RULES: Rules<ReportOptions> = { out: pathRule };

/**
 * Writes the report of a run, finished or not: one file that opens anywhere, without a network.
 *
 * @param run run directory
 * @returns absolute path of the report
 * @throws RunError there is no run, or it is damaged; FileError the report cannot be written; UsageError
 */
export async function buildReport(run: string, options: ReportOptions = {}): Promise<string> {
  checkArgument('run', run, pathRule);
  checkFields('buildReport', options, RULES);
  const { out } = options;
  const path = out === undefined ? runPaths(run).report : resolve(out);
  const page = renderPage(readRun(run), {
    script: await readPackageFile('uplot/dist/uPlot.iife.min.js'),
    style: await readPackageFile('uplot/dist/uPlot.min.css'),
  });
  await writeFileAtomically(path, (append) => append(Buffer.from(page)));
  return path;
}

function readPackageFile(specifier: string): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve(specifier), 'utf8');
}
