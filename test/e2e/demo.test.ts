/** `tune` without data, model and weights: the embedded demo, here with a budget too small to compress anything much. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TuneResult } from '../../lib/run/types.js';
import { eventsOf, makeFolder, runCli, startCli } from './support/cli.js';
import { budget } from './support/small-task.js';

const words = ['tune', ...budget(3), '--json'];

function resultOf(run: string): TuneResult {
  return JSON.parse(readFileSync(join(run, 'result.json'), 'utf8')) as TuneResult;
}

it('draws its own images, runs from start to end, and ends alike when killed and resumed on the way', async () => {
  const folder = makeFolder();
  const { status, stdout, stderr } = await runCli(words, { cwd: folder });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  const data = eventsOf(stdout).find(({ event }) => event === 'data');
  expect(data?.['labels']).toHaveLength(6);
  const result = resultOf(join(folder, 'finepune-runs', 'demo-1'));
  expect(result.model).toBe(join(folder, 'finepune-runs', 'demo-1', 'model.safetensors'));
  expect(result.accuracy.dense).toBeGreaterThan(1 / 6);

  let killed = false;
  await startCli(words, {
    cwd: folder,
    onStdout: (told, child) => {
      if (!killed && told.includes('"event":"round"')) killed = child.kill('SIGKILL');
    },
  }).outcome;
  const run = join(folder, 'finepune-runs', 'demo-2');
  expect(await runCli(['tune', '--resume', run, '--json'])).toMatchObject({ status: 0, stderr: '' });
  const { accuracy, parameters, bytes, layers } = resultOf(run);
  expect({ accuracy, parameters, bytes, layers }).toEqual({
    accuracy: result.accuracy,
    parameters: result.parameters,
    bytes: result.bytes,
    layers: result.layers,
  });
});
