/** What was measured so far, so that a benchmark of hours can be interrupted. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { RunError } from '../../errors.js';
import { JsonLinesFile } from '../../run/json-lines.js';
import type { TuneOutcome, TuneTask } from './types.js';

interface Entry {
  seed: number;
  side: string;
  outcome: TuneOutcome;
}

export class TuneJournal implements Disposable {
  private constructor(
    private readonly file: JsonLinesFile,
    private readonly entries: Entry[],
  ) {}

  /** Opens OUT/bench.jsonl. @throws RunError where it belongs to another task, or is damaged. */
  static open(out: string, task: TuneTask): TuneJournal {
    mkdirSync(out, { recursive: true });
    const path = join(out, 'bench.jsonl');
    const [head, ...lines] = JsonLinesFile.read(path);
    const own = JSON.stringify({ task });
    if ((head as object | undefined) !== undefined && JSON.stringify(head) !== own) {
      throw new RunError(`${path}: holds measurements of another task; give another --out, or the flags of before`);
    }
    const file = new JsonLinesFile(path);
    if ((head as object | undefined) === undefined) file.append({ task });
    return new TuneJournal(file, lines as unknown as Entry[]);
  }

  /** Undefined where it was not measured yet. */
  find(seed: number, side: string): TuneOutcome | undefined {
    return this.entries.find((entry) => entry.seed === seed && entry.side === side)?.outcome;
  }

  add(seed: number, side: string, outcome: TuneOutcome): void {
    this.file.append({ seed, side, outcome });
    this.entries.push({ seed, side, outcome });
  }

  [Symbol.dispose](): void {
    this.file.close();
  }
}
