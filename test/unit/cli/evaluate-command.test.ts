/** What `evaluate` says when it is interrupted, while images are decoded and after. */

import { describe, expect, it, vi } from 'vitest';
import { runProgram } from '../../../lib/cli/program.js';
import { AbortedError } from '../../../lib/errors.js';
import type { EvaluateOptions } from '../../../lib/serve/evaluate.js';
import { FakeStream } from './fake-stream.js';

/** The task that the stand-in for evaluating is at when it is stopped. */
const stoppedIn = vi.hoisted(() => ({ tasks: [] as string[] }));
vi.mock('../../../lib/serve/evaluate.js', () => ({
  evaluate: (_source: unknown, { onProgress }: EvaluateOptions) => {
    for (const task of stoppedIn.tasks) {
      onProgress?.({ event: 'progress', task, done: 1, total: 2, unit: 'images', rate: null, secondsLeft: null });
    }
    return Promise.reject(new AbortedError('stopped'));
  },
}));

async function lastNotice(...tasks: string[]): Promise<string | undefined> {
  stoppedIn.tasks = tasks;
  const notices: string[] = [];
  const status = await runProgram(['evaluate', 'model.safetensors', '--data', 'photos', '--json'], {
    stdout: new FakeStream(),
    stderr: new FakeStream(),
    signal: new AbortController().signal,
    onSlowWork: (notice) => notices.push(notice),
  });
  expect(status).toBe(130);
  return notices.at(-1);
}

describe('an interrupted evaluate', () => {
  it('promises to keep the decoded images while it decodes', async () => {
    expect(await lastNotice('decoding')).toMatch(/^interrupted: saving the images decoded so far; press Ctrl-C again/);
  });

  it('promises nothing before and after', async () => {
    expect(await lastNotice()).toBe('interrupted: stopping');
    expect(await lastNotice('decoding', 'evaluating')).toBe('interrupted: stopping');
  });
});
