/** A Python process that runs Optuna's GPSampler on request. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Problem } from './problems.js';

export interface OptunaResult {
  best: number | null;
  point: number[] | null;
  seconds: number;
}

export class OptunaBaseline {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    /** Version line of the other side. */
    readonly versions: string,
  ) {}

  /** Starts `python`; null where it is missing or has no optuna. */
  static async start(python: string): Promise<OptunaBaseline | null> {
    const script = fileURLToPath(new URL('optuna_baseline.py', import.meta.url));
    const child = spawn(python, [script], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    return first.done ? null : new OptunaBaseline(child, lines, first.value);
  }

  async search(problem: Problem, seed: number): Promise<OptunaResult> {
    const { name, evaluations, initial } = problem;
    this.child.stdin?.write(`${JSON.stringify({ problem: name, seed, evaluations, initial })}\n`);
    const line = await this.lines.next();
    if (line.done)
      throw new Error(`the Optuna process ended during ${name}; run optuna_baseline.py by hand to see why`);
    return JSON.parse(line.value) as OptunaResult;
  }

  stop(): void {
    this.child.stdin?.end();
  }
}
