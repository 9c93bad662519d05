/** What `tune` says when it is interrupted, before and after there is a run. */

import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { runProgram } from '../../../lib/cli/program.js';
import { AbortedError } from '../../../lib/errors.js';
import { FakeStream } from './fake-stream.js';

/** Events that the stand-in for the tuner tells before it is stopped. */
const events = vi.hoisted((): object[] => []);
vi.mock('../../../lib/tuner/index.js', () => {
  const stopped = () => ({
    result: new Promise(() => undefined),
    async *[Symbol.asyncIterator]() {
      yield* await Promise.resolve(events);
      throw new AbortedError('stopped in warm-up after 31 of 60 steps');
    },
  });
  return { tune: stopped, resume: stopped };
});

let directory: string;
let notices: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'finepune-run-'));
  notices = [];
  events.length = 0;
});

async function interrupted(...words: string[]): Promise<string> {
  const stderr = new FakeStream();
  const status = await runProgram(['tune', '--json', ...words], {
    stdout: new FakeStream(),
    stderr,
    signal: new AbortController().signal,
    onSlowWork: (notice) => notices.push(notice),
  });
  expect(status).toBe(130);
  return stderr.text;
}

describe('an interrupted tune', () => {
  it('promises no checkpoint, and names no run to go on with, before the run has begun', async () => {
    events.push({ event: 'progress' });
    expect(await interrupted()).toBe('error E_ABORTED: stopped in warm-up after 31 of 60 steps\n');
    expect(notices).toEqual(['interrupted: stopping; nothing of the run is there to save yet']);
  });

  it('promises to keep the decoded images while it decodes', async () => {
    events.push({ event: 'progress', task: 'decoding' });
    await interrupted();
    expect(notices).toEqual([
      'interrupted: stopping; nothing of the run is there to save yet',
      'interrupted: saving the images decoded so far; press Ctrl-C again to leave at once without them',
    ]);
  });

  it('promises a checkpoint, and says how to go on, once the run has begun', async () => {
    writeFileSync(join(directory, 'config.json'), '{}');
    events.push({ event: 'progress' }, { event: 'start', run: directory });
    expect(await interrupted()).toBe(
      `error E_ABORTED: stopped in warm-up after 31 of 60 steps; go on with: finepune-native tune --resume ${directory}\n`,
    );
    expect(notices.at(-1)).toMatch(/saving a checkpoint/);
  });

  it('says how to go on with a run that was to be resumed, in words that a shell takes', async () => {
    const run = mkdtempSync(join(directory, "it's a run "));
    writeFileSync(join(run, 'config.json'), '{}');
    expect(await interrupted('--resume', run)).toContain(`--resume '${run.replace("'", `'\\''`)}'\n`);
    expect(notices).toEqual(['interrupted: stopping; the run stays as it was saved']);
  });
});
