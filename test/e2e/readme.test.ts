/** What the README says can be done is done here. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readModelFile } from '../../lib/models/index.js';
import { makeFolder, runCli } from './support/cli.js';
import { makeSmallTask, quickly } from './support/small-task.js';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

it('lets a reader in another language read the model file', async () => {
  const folder = makeFolder();
  const run = join(folder, 'run');
  // Enough candidates that some layer is pruned and stored sparsely.
  await runCli([...quickly(await makeSmallTask()), '--out', run, '--evals', '8', '--max-drop', '0.9']);
  const path = join(run, 'model.safetensors');
  const reader = [...readme.matchAll(/```python\n(.*?)```/gs)]
    .map(([, code]) => code)
    .find((code) => code.includes('read_model'));
  const script = join(folder, 'reader.py');
  writeFileSync(
    script,
    `${reader ?? ''}\ndescription, tensors = read_model(sys.argv[1])\nprint(json.dumps([description, {n: list(t) for n, t in tensors.items()}]))\n`,
  );
  const output = execFileSync('python3', [script, path], { encoding: 'utf8', maxBuffer: 1e8 });
  const [description, tensors] = JSON.parse(output) as [{ labels: string[]; sparse: object }, Record<string, number[]>];
  const model = await readModelFile(path);
  expect(description.labels).toEqual(model.labels);
  expect(Object.keys(description.sparse).length).toBeGreaterThan(0);
  expect(Object.keys(tensors).sort()).toEqual([...model.tensors.keys()].sort());
  for (const [name, { data }] of model.tensors) expect(tensors[name], name).toEqual([...data]);
});
