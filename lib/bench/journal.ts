/** What a benchmark of hours has measured so far, so that it can be interrupted. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { FileError, messageOf, RunError } from '../errors.js';
import { JsonLinesFile } from '../run/json-lines.js';
import { acquireRunLock, type RunLock } from '../run/run-lock.js';

interface Entry<Outcome> {
  seed: number;
  side: string;
  outcome: Outcome;
}

/** Outcomes, one a seed and side, as values for JSON; written down as soon as they are added. */
export class BenchJournal<Outcome> implements Disposable {
  private constructor(
    private readonly file: JsonLinesFile,
    private readonly entries: Entry<Outcome>[],
    private readonly lock: RunLock,
  ) {}

  /**
   * Opens OUT/bench.jsonl, and keeps OUT from other processes until it is disposed of.
   *
   * @param task what is measured, as a value for JSON.
   * @throws RunError where the file belongs to another task, or is damaged, or another process has the folder; FileError where
   *   it cannot be written.
   */
  static open<Outcome>(out: string, task: object): BenchJournal<Outcome> {
    makeFolder(out);
    const lock = acquireRunLock(out);
    try {
      const path = join(out, 'bench.jsonl');
      const [head, ...lines] = JsonLinesFile.read(path);
      // Where nothing was measured yet, the task may be mended.
      const isNew = lines.length === 0;
      if (!isNew) checkSameTask(path, (head['task'] ?? {}) as Record<string, unknown>, task as Record<string, unknown>);
      const file = new JsonLinesFile(path, isNew ? 0 : undefined);
      if (isNew) file.append({ task });
      return new BenchJournal(file, lines as unknown as Entry<Outcome>[], lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  /** Undefined where it was not measured yet. */
  find(seed: number, side: string): Outcome | undefined {
    return this.entries.find((entry) => entry.seed === seed && entry.side === side)?.outcome;
  }

  add(seed: number, side: string, outcome: Outcome): void {
    this.file.append({ seed, side, outcome });
    this.entries.push({ seed, side, outcome });
  }

  [Symbol.dispose](): void {
    this.file.close();
    this.lock.release();
  }
}

function makeFolder(out: string): void {
  try {
    mkdirSync(out, { recursive: true });
  } catch (error) {
    throw new FileError(`cannot make the folder ${out}: ${messageOf(error)}; name another with --out`, out, {
      cause: error,
    });
  }
}

/** @throws RunError naming what differs; a journal of another version has fields of its own. */
function checkSameTask(path: string, before: Record<string, unknown>, now: Record<string, unknown>): void {
  const text = (value: unknown): string => (value === undefined ? 'none' : JSON.stringify(value));
  const differences = [...new Set([...Object.keys(before), ...Object.keys(now)])]
    .filter((name) => text(before[name]) !== text(now[name]))
    .map((name) => `${name}: ${text(before[name])} there, ${text(now[name])} here`);
  if (differences.length === 0) return;
  throw new RunError(
    `${path}: holds measurements of another task (${differences.join('; ')}); give another --out, or the flags of before`,
  );
}
