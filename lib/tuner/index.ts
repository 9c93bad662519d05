export { resume, tune, type ResumeOptions, type TuneRun } from './tune.js';
