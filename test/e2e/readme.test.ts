/** What the README says can be done is done here. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { readModelFile } from '../../lib/models/index.js';
import { makeFolder, runCli } from './support/cli.js';
import { makeSmallTask, quickly } from './support/small-task.js';

const readerPath = fileURLToPath(new URL('../python/read_model.py', import.meta.url));

/** Prints what the reader makes of a file; bit patterns, since JSON has no NaN. */
const PRINT_MODEL = `
import array, json, sys
sys.path.insert(0, ${JSON.stringify(dirname(readerPath))})
sys.dont_write_bytecode = True
from read_model import read_model
description, tensors = read_model(sys.argv[1])
print(json.dumps([description, {n: list(array.array("I", t.tobytes())) for n, (_, t) in tensors.items()}]))
`;

it('has a reader of the format in 60 lines', () => {
  expect(readFileSync(readerPath, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(60);
  expect(readFileSync(new URL('../../README.md', import.meta.url), 'utf8')).toContain('test/python/read_model.py');
});

it('lets a reader in another language read the model file', async () => {
  const folder = makeFolder();
  const run = join(folder, 'run');
  // Enough candidates that some layer is pruned and stored sparsely.
  await runCli([...quickly(await makeSmallTask()), '--out', run, '--evals', '8', '--max-drop', '0.9']);
  const path = join(run, 'model.safetensors');
  const output = execFileSync('python3', ['-c', PRINT_MODEL, path], { encoding: 'utf8', maxBuffer: 1e8 });
  const [description, tensors] = JSON.parse(output) as [{ labels: string[]; sparse: object }, Record<string, number[]>];
  const model = await readModelFile(path);
  expect(description.labels).toEqual(model.labels);
  expect(Object.keys(description.sparse).length).toBeGreaterThan(0);
  expect(Object.keys(tensors).sort()).toEqual([...model.tensors.keys()].sort());
  for (const [name, { data }] of model.tensors) {
    expect(tensors[name], name).toEqual([...new Uint32Array(data.buffer, data.byteOffset, data.length)]);
  }
});
