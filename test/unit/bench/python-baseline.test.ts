/** The other side of a benchmark, played by small programs that need no Python. */
import { describe, expect, it } from 'vitest';
import { BaselineError, PythonBaseline } from '../../../lib/bench/python-baseline.js';
import { AbortedError } from '../../../lib/errors.js';
import { fakePython, VERSIONS } from './fake-python.js';

const start = (python: string, signal?: AbortSignal): Promise<PythonBaseline | string> =>
  PythonBaseline.start({ python, script: 'train/train_baseline.py', threads: 1, signal });

async function started(script: string, signal?: AbortSignal): Promise<PythonBaseline> {
  const baseline = await start(fakePython(script), signal);
  if (typeof baseline === 'string') throw new Error(baseline);
  return baseline;
}

describe('PythonBaseline.start', () => {
  it('says why there is none: no program, no package, no word', async () => {
    expect(await start('/nowhere/python')).toContain('cannot be started');
    expect(await start(fakePython(`echo "ModuleNotFoundError: No module named 'torch'" >&2; exit 1`))).toBe(
      "ModuleNotFoundError: No module named 'torch'",
    );
    expect(await start(fakePython('exit 3'))).toContain('without a word (status 3)');
  });

  it('passes over what a wrapper prints before it', async () => {
    using baseline = await started(`echo activating; ${VERSIONS}; cat > /dev/null`);
    expect(baseline.versions).toEqual({ torch: '2' });
  });
});

describe('PythonBaseline.ask', () => {
  it('gives the answer, or the error the program tells of', async () => {
    using baseline = await started(`${VERSIONS}; read a; echo '{"seconds": 1}'; read b; echo '{"error": "no memory"}'`);
    expect(await baseline.ask({ command: 'turn' })).toEqual({ seconds: 1 });
    await expect(baseline.ask({ command: 'turn' })).rejects.toMatchObject({ reason: 'no memory' });
  });

  it('tells the last words of a program that dies, and how one died that had none', async () => {
    using speaking = await started(`${VERSIONS}; read a; echo first >&2; echo last >&2; exit 1`);
    await expect(speaking.ask({})).rejects.toMatchObject({ reason: 'last' });
    using silent = await started(`${VERSIONS}; read a; kill -9 $$`);
    const failure: unknown = await silent.ask({}).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(BaselineError);
    expect((failure as BaselineError).reason).toContain('without a word (SIGKILL)');
  });

  it('ends the program when the signal fires', async () => {
    const controller = new AbortController();
    using baseline = await started(`${VERSIONS}; read a; exec sleep 600`, controller.signal);
    const asked = baseline.ask({});
    controller.abort();
    await expect(asked).rejects.toThrow(AbortedError);
  });
});
