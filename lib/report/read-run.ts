/** What a run directory says of itself, finished or not. */

import { existsSync, readFileSync } from 'node:fs';
import { messageOf, RunError } from '../errors.js';
import { JsonLinesFile } from '../run/json-lines.js';
import { runPaths } from '../run/run-directory.js';
import type {
  DataEvent,
  EvaluationEvent,
  FinetuneEvent,
  RoundEvent,
  StartEvent,
  TuneConfig,
  TuneResult,
  WarmupEvent,
} from '../run/types.js';

/** One line of metrics.jsonl: some training steps. */
export interface Metric {
  phase: 'warmup' | 'round' | 'finetune' | 'dense';
  round?: number;
  step: number;
  /** Null where it was no finite number. */
  loss: number | null;
  /** In train mode, share. */
  accuracy: number | null;
  learningRate: number;
}

export interface RunRecord {
  directory: string;
  config: TuneConfig;
  start: StartEvent | undefined;
  data: DataEvent | undefined;
  warmup: WarmupEvent | undefined;
  evaluations: EvaluationEvent[];
  rounds: RoundEvent[];
  finetune: FinetuneEvent[];
  metrics: Metric[];
  /** Undefined while the run is not finished. */
  result: TuneResult | undefined;
}

/** Of result.json, what the page shows. */
const RESULT_FIELDS = ['accuracy', 'parameters', 'bytes', 'layers', 'seconds'];

/**
 * Reads config.json, journal.jsonl, metrics.jsonl and result.json. A torn last line is left out; a run that was
 * resumed may tell a step twice, and the later telling counts.
 *
 * @throws RunError there is no run, or a file of it is damaged
 */
export function readRun(directory: string): RunRecord {
  const paths = runPaths(directory);
  if (!existsSync(paths.config)) {
    throw new RunError(`${paths.directory} holds no run (no config.json); give the folder that tune wrote`);
  }
  const journal = JsonLinesFile.read(paths.journal);
  const all = <Event>(name: string): Event[] => journal.filter((line) => line['event'] === name) as Event[];
  return {
    directory: paths.directory,
    config: readJson(paths.config, ['model', 'rounds']) as TuneConfig,
    start: all<StartEvent>('start').at(-1),
    data: all<DataEvent>('data').at(-1),
    warmup: all<WarmupEvent>('warmup').at(-1),
    evaluations: lastOfEach(all<EvaluationEvent>('evaluation'), ({ round, index }) => `${round}.${index}`),
    rounds: lastOfEach(all<RoundEvent>('round'), ({ round }) => String(round)),
    finetune: lastOfEach(all<FinetuneEvent>('finetune'), ({ phase, step }) => `${phase}.${step}`),
    metrics: lastOfEach(
      JsonLinesFile.read(paths.metrics) as unknown as Metric[],
      ({ phase, step }) => `${phase}.${step}`,
    ),
    result: existsSync(paths.result) ? (readJson(paths.result, RESULT_FIELDS) as TuneResult) : undefined,
  };
}

function lastOfEach<Entry>(entries: Entry[], key: (entry: Entry) => string): Entry[] {
  return [...new Map(entries.map((entry) => [key(entry), entry])).values()];
}

/** Reads an object that has at least these fields. */
function readJson(path: string, fields: readonly string[]): object {
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new RunError(`${path} cannot be read: ${messageOf(error).replaceAll('\n', ' ')}`, { cause: error });
  }
  if (typeof value !== 'object' || value === null) throw new RunError(`${path} holds no JSON object`);
  const missing = fields.filter((field) => !Object.hasOwn(value, field));
  if (missing.length > 0) throw new RunError(`${path} lacks ${missing.join(', ')}: it is not what tune wrote`);
  return value;
}
