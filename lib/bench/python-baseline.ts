/** A Python process of test/bench that answers requests, one JSON object a line: the other side of a benchmark. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { AbortedError, InternalError } from '../errors.js';
import { packageRoot } from '../native/package-root.js';
import { givenEnvironment } from '../native/waiting.js';

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

/** What a request came to: the answer, or in one line why there is none. */
export type Attempt<Answer> = { answer: Answer } | { error: string };

export class PythonBaseline implements Disposable {
  /** Text on stderr so far, its end. */
  #complaints = '';

  private constructor(
    private readonly child: ChildProcess,
    private readonly lines: AsyncIterator<string>,
    private readonly options: PythonOptions,
    /** Versions of the other side, by package. */
    readonly versions: Record<string, string>,
  ) {}

  /** Starts the script; null where the program is missing or lacks the script's packages. */
  static async start(options: PythonOptions): Promise<PythonBaseline | null> {
    const threads = String(options.threads);
    const child = spawn(options.python, [join(packageRoot, 'test', 'bench', options.script)], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...givenEnvironment(), OMP_NUM_THREADS: threads, MKL_NUM_THREADS: threads },
      signal: options.signal,
    });
    child.on('error', () => undefined);
    // A process that ended leaves a closed pipe behind; its missing answer tells.
    child.stdin.on('error', () => undefined);
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    let baseline: PythonBaseline | null = null;
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (baseline !== null) baseline.#complaints = (baseline.#complaints + text).slice(-4096);
    });
    const first = await lines.next();
    if (options.signal?.aborted) throw new AbortedError('stopped while Python started');
    if (first.done) return null;
    baseline = new PythonBaseline(child, lines, options, JSON.parse(first.value) as Record<string, string>);
    return baseline;
  }

  /**
   * Asks and waits.
   * @throws AbortedError when the signal fires.
   */
  async attempt<Answer>(request: object): Promise<Attempt<Answer>> {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
    const line = await this.lines.next();
    if (this.options.signal?.aborted) throw new AbortedError(`stopped during ${this.options.script}`);
    if (line.done) return { error: this.#lastComplaint() };
    const answer = JSON.parse(line.value) as Answer & { error?: string };
    return answer.error === undefined ? { answer } : { error: answer.error };
  }

  /**
   * Asks where an answer must come.
   * @throws InternalError with the reason where none came; AbortedError.
   */
  async ask<Answer>(request: object): Promise<Answer> {
    const attempt = await this.attempt<Answer>(request);
    if ('error' in attempt) throw new InternalError(`test/bench/${this.options.script}: ${attempt.error}`);
    return attempt.answer;
  }

  /** Lets the process end. */
  [Symbol.dispose](): void {
    this.child.stdin?.end();
  }

  #lastComplaint(): string {
    const last = this.#complaints.trim().split('\n').at(-1) ?? '';
    return last === '' ? 'the process ended without a word; it may have run out of memory' : `it ended: ${last}`;
  }
}
