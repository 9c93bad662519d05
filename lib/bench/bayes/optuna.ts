/** A Python process that runs Optuna's GPSampler on request. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { InternalError } from '../../errors.js';
import { packageRoot } from '../../native/package-root.js';
import type { Problem } from './problems.js';

const SCRIPT = join(packageRoot, 'test', 'bench', 'bayes', 'optuna_baseline.py');

export interface OptunaResult {
  best: number | null;
  point: number[] | null;
  seconds: number;
}

export class OptunaBaseline {
  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    /** Versions of the other side, by package. */
    readonly versions: Record<string, string>,
  ) {}

  /** Starts `python`; null where it is missing or has no optuna. */
  static async start(python: string): Promise<OptunaBaseline | null> {
    const child = spawn(python, [SCRIPT], { stdio: ['pipe', 'pipe', 'ignore'] });
    child.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const first = await lines.next();
    return first.done ? null : new OptunaBaseline(child, lines, JSON.parse(first.value) as Record<string, string>);
  }

  async search(problem: Problem, seed: number): Promise<OptunaResult> {
    const { name, evaluations, initial } = problem;
    this.child.stdin?.write(`${JSON.stringify({ problem: name, seed, evaluations, initial })}\n`);
    const line = await this.lines.next();
    if (line.done) {
      throw new InternalError(`the Optuna process ended during ${name}; run ${SCRIPT} by hand to see why`);
    }
    return JSON.parse(line.value) as OptunaResult;
  }

  stop(): void {
    this.child.stdin?.end();
  }
}
