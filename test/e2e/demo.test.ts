/** `tune` without data, model and weights: the embedded demo, here with a budget too small to compress anything much. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { TuneResult } from '../../lib/tuner/types.js';
import { eventsOf, makeFolder, runCli } from './support/cli.js';
import { budget } from './support/small-task.js';

it('draws its own images, runs from start to end, and names its files', async () => {
  const folder = makeFolder();
  const { status, stdout, stderr } = await runCli(['tune', ...budget(3), '--json'], { cwd: folder });
  expect(stderr).toBe('');
  expect(status).toBe(0);
  const data = eventsOf(stdout).find(({ event }) => event === 'data');
  expect(data?.['labels']).toHaveLength(6);
  const run = join(folder, 'finepune-runs', 'demo-1');
  const result = JSON.parse(readFileSync(join(run, 'result.json'), 'utf8')) as TuneResult;
  expect(result.model).toBe(join(run, 'model.safetensors'));
  expect(result.accuracy.dense).toBeGreaterThan(1 / 6);
});
