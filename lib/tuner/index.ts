export { CRITERIA, checkOptions, completeConfig } from './config.js';
export { JsonLinesFile } from './json-lines.js';
export { runPaths, type RunPaths } from './run-directory.js';
export { resume, tune, type ResumeOptions, type TuneRun } from './tune.js';
export type * from './types.js';
