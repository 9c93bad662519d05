/** `export` as a user calls it, and what it writes held to the ONNX specification where its checker is there. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { tensorsOf } from '../../lib/bench/serve/variants.js';
import type { ExportResult } from '../../lib/index.js';
import { loadSpec, validateSpec, writePlainSafetensors } from '../../lib/models/index.js';
import { makeFolder, runCli } from './support/cli.js';
import { pythonWith } from './support/python.js';
import { makeSmallTask, type SmallTask } from './support/small-task.js';

const folder = makeFolder();
const demo = {
  model: 'demo',
  weights: fileURLToPath(new URL('../../models/demo.safetensors', import.meta.url)),
};
const pruned = join(folder, 'pruned.safetensors');
const checker = fileURLToPath(new URL('../python/check_onnx.py', import.meta.url));
let task: SmallTask;

beforeAll(async () => {
  task = await makeSmallTask(1);
  const spec = loadSpec('lenet5');
  await writePlainSafetensors(pruned, tensorsOf(spec, { name: 'test', density: 0.1 }, 5), {});
});

/** The words that export a network that was never tuned. */
const words = (out: string, { model, weights }: { model: string; weights: string }): string[] => [
  'export',
  '--model',
  model,
  '--weights',
  weights,
  out,
];

describe('export', () => {
  it('says how large the file is, beside the one it was made from, and why', async () => {
    const out = join(folder, 'pruned.onnx');
    const { status, stdout, stderr } = await runCli(words(out, { model: 'lenet5', weights: pruned }));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [first, second] = stdout.split('\n');
    expect(first).toMatch(/pruned\.onnx: onnx, 8 tensors, 1\.7\d MB; .*pruned\.safetensors has 1\.7\d MB$/);
    expect(second).toMatch(
      /^38\d,\d{3} pruned weights are stored there as zeros: it is as large as the dense network$/,
    );
  });

  it('gives its result as JSON', async () => {
    const out = join(folder, 'demo.safetensors');
    const { status, stdout } = await runCli([...words(out, demo), '--json']);
    expect(status).toBe(0);
    const result = JSON.parse(stdout) as ExportResult;
    expect(result).toMatchObject({ format: 'safetensors', architecture: 'demo', bytes: statSync(out).size });
    expect(result.bytesBefore).toBe(statSync(demo.weights).size);
  });

  it('leaves nothing behind where it refuses, and says why in one line', async () => {
    const here = makeFolder();
    const cut = join(here, 'cut.safetensors');
    const [out, own] = [join(here, 'out.onnx'), join(here, 'small.safetensors')];
    const packed = join(here, 'packed.safetensors');
    writeFileSync(own, readFileSync(task.weights));
    writeFileSync(cut, readFileSync(task.weights).subarray(0, 500));
    expect((await runCli(['pack', task.weights, packed])).status).toBe(0);
    const before = readdirSync(here);
    for (const [given, status, hint] of [
      [['export', join(here, 'nowhere.safetensors'), out], 1, 'nowhere.safetensors'],
      [['export', cut, out], 1, 'cut.safetensors'],
      [['export', packed, out], 1, '--model NAME --weights FILE'],
      [['export', task.weights, out], 1, '--model NAME --weights FILE'],
      [['export', packed, out, '--format', 'pb'], 2, 'onnx, safetensors'],
      [['export', packed, join(here, 'out.pb')], 2, '.onnx or .safetensors'],
      [words(join(here, 'no', 'out.onnx'), task), 1, 'make it first'],
      [words(own, { model: task.model, weights: own }), 2, 'name another file'],
      [words(out, { model: 'lenet5', weights: task.weights }), 1, 'another network'],
    ] as const) {
      const outcome = await runCli(given);
      expect(outcome.status, given.join(' ')).toBe(status);
      expect(outcome.stderr, given.join(' ')).toContain(hint);
      expect(outcome.stderr.trim().split('\n'), given.join(' ')).toHaveLength(1);
      expect(outcome.stdout).toBe('');
    }
    expect(readdirSync(here)).toEqual(before);
    expect(readFileSync(own).equals(readFileSync(task.weights))).toBe(true);
  });

  it('leaves no torn file on a full disk', async () => {
    const here = makeFolder();
    const outcome = await runCli(words(join(here, 'out.onnx'), demo), { fileLimitKib: 64 });
    expect(outcome.status).toBe(1);
    expect(outcome.stderr).toMatch(/^error E_IO: cannot write .*out\.onnx/);
    expect(readdirSync(here)).toEqual([]);
  });
});

describe('the checker of the onnx package', () => {
  /** A network whose pools have last windows that are not full, or that would begin behind the image. */
  async function writeUneven(): Promise<{ model: string; weights: string }> {
    const { input } = loadSpec('lenet5');
    const pool = { kernel_shape: [2, 2], ceil_mode: 1 };
    const counting = { kernel_shape: [3, 3], strides: [2, 2], pads: [1, 1, 1, 1], ceil_mode: 1, count_include_pad: 1 };
    const nodes = [
      { name: 'conv', op: 'Conv', inputs: ['input'], attributes: { out_channels: 4, kernel_shape: [5, 5] } },
      { name: 'conv.weight', op: 'Clip', inputs: ['conv'], attributes: { min: -1, max: 1 } },
      { name: 'pool1', op: 'MaxPool', inputs: ['conv.weight'], attributes: { ...pool, strides: [3, 3] } },
      { name: 'norm', op: 'LRN', inputs: ['pool1'], attributes: { size: 3 } },
      { name: 'pool2', op: 'AveragePool', inputs: ['norm'], attributes: counting },
      { name: 'flat', op: 'Flatten', inputs: ['pool2'] },
      { name: 'drop', op: 'Dropout', inputs: ['flat'] },
      { name: 'fc', op: 'Gemm', inputs: ['drop'], attributes: { out_features: 5, bias: 0 } },
    ];
    const spec = validateSpec({ name: 'uneven', input, nodes, output: 'fc', head: 'fc' }, 'uneven.json');
    const [model, weights] = [join(folder, 'uneven.json'), join(folder, 'uneven.safetensors')];
    writeFileSync(model, JSON.stringify(spec));
    await writePlainSafetensors(weights, tensorsOf(spec, { name: 'test', density: 1 }, 5), {});
    return { model, weights };
  }

  it('takes what export writes, the shapes that follow from it included', async (context) => {
    const python = pythonWith('onnx');
    if (python === null) return context.skip('no Python with onnx; FINEPUNE_PYTHON names one');
    const files: string[] = [];
    for (const [index, network] of [demo, task, await writeUneven()].entries()) {
      const out = join(folder, `checked-${index}.onnx`);
      expect((await runCli(words(out, network))).status).toBe(0);
      files.push(out);
    }
    const lines = execFileSync(python, [checker, ...files], { encoding: 'utf8' })
      .trim()
      .split('\n');
    expect(lines).toEqual(files.map((file) => `${file} ['preprocessing']`));
  });
});
