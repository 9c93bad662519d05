export { CRITERIA, checkOptions, completeConfig } from './config.js';
export { JsonLinesFile } from '../run/json-lines.js';
export { runPaths, type RunPaths } from '../run/run-directory.js';
export { resume, tune, type ResumeOptions, type TuneRun } from './tune.js';
export type * from '../run/types.js';
