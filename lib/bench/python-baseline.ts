/** A Python process of test/bench that answers requests, one JSON object a line: the other side of a benchmark. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { AbortedError, RunError } from '../errors.js';
import { packageRoot } from '../native/package-root.js';
import { givenEnvironment } from '../native/waiting.js';
import { ProcessOutput } from './process-output.js';

/** How a process is started. */
export interface PythonOptions {
  /** Program. */
  python: string;
  /** Path in test/bench. */
  script: string;
  /** Threads of OpenMP, set before Python starts. */
  threads: number;
  /** Ends the process. */
  signal?: AbortSignal | undefined;
}

/** The process gave no answer; `reason` says in one line why. */
export class BaselineError extends RunError {
  constructor(
    script: string,
    readonly reason: string,
  ) {
    super(`test/bench/${script}: ${reason}`);
  }
}

export class PythonBaseline implements Disposable {
  private constructor(
    private readonly stdin: NodeJS.WritableStream,
    private readonly output: ProcessOutput,
    private readonly options: PythonOptions,
    /** Versions of the other side, by package. */
    readonly versions: Record<string, string>,
  ) {}

  /**
   * Starts the script.
   * @returns in one line why there is none, where the program is missing or lacks the script's packages.
   * @throws AbortedError when the signal fires.
   */
  static async start(options: PythonOptions): Promise<PythonBaseline | string> {
    const threads = String(options.threads);
    const child = spawn(options.python, [join(packageRoot, 'test', 'bench', options.script)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...givenEnvironment(), OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads },
      signal: options.signal,
    });
    // A process that ended leaves a closed pipe behind; its missing answer tells.
    child.stdin.on('error', () => undefined);
    const output = new ProcessOutput(child);
    const versions = await output.nextObject();
    const reason = versions === null ? await output.lastWords() : null;
    if (options.signal?.aborted) throw new AbortedError('stopped while Python started');
    if (versions === null) return reason ?? '';
    return new PythonBaseline(child.stdin, output, options, versions as Record<string, string>);
  }

  /**
   * Asks, and waits for the answer.
   * @throws BaselineError where none came; AbortedError when the signal fires.
   */
  async ask<Answer>(request: object): Promise<Answer> {
    this.stdin.write(`${JSON.stringify(request)}\n`);
    const answer = (await this.output.nextObject()) as (Answer & { error?: string }) | null;
    const reason = answer === null ? await this.output.lastWords() : answer.error;
    const { script, signal } = this.options;
    if (signal?.aborted) throw new AbortedError(`stopped during ${script}`);
    if (answer === null || reason !== undefined) throw new BaselineError(script, reason ?? '');
    return answer;
  }

  /** Lets the process end. */
  [Symbol.dispose](): void {
    this.stdin.end();
  }
}
