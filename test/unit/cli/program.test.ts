import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../../lib/cli/program.js';
import { makeUpRun } from '../report/made-up-run.js';
import { FakeStream } from './fake-stream.js';

async function run(...words: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const stdout = new FakeStream();
  const stderr = new FakeStream();
  const status = await runProgram(words, {
    stdout,
    stderr,
    signal: new AbortController().signal,
    onSlowWork: () => undefined,
  });
  return { status, stdout: stdout.text, stderr: stderr.text };
}

describe('runProgram', () => {
  it.each(['tune', 'evaluate', 'predict', 'inspect', 'export', 'report', 'doctor', 'install'])(
    'explains %s with --help',
    async (command) => {
      const { status, stdout, stderr } = await run(command, '--help');
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain(`finepune-native ${command}`);
      expect(stdout).toContain('--json');
    },
  );

  it('tells its version', async () => {
    expect(await run('--version')).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) as string,
      stderr: '',
    });
  });

  it('tells in its help which defaults the network or the demo changes', async () => {
    const { stdout } = await run('tune', '--help');
    const text = stdout.replaceAll(/\s+/g, ' ');
    expect(text).toContain('0.25; 0.15 in the demo; 0.15 where most of the network starts fresh');
    expect(text).toContain('resized-crop; crop in the demo');
  });

  it.each([
    [[], /which command\? One of tune, evaluate/],
    [['tun'], /unknown command "tun"; did you mean tune\?; see finepune-native --help/],
    [['--bogus'], /unknown flag --bogus; see finepune-native --help/],
    [['tune', '--round', '3'], /unknown flag --round; did you mean --rounds\?; see finepune-native tune --help/],
    [['tune', 'photos'], /unexpected word "photos" after tune/],
    [['tune', '--rounds'], /--rounds needs a value/],
    [['tune', '--rounds', '-1'], /expected a whole number from 1 to 1000 for --rounds but received "-1"/],
    [['tune', '--rounds', '2.5'], /for --rounds but received "2.5"/],
    [['tune', '--lr', 'NaN'], /expected a number above 0 and at most 100 for --lr but received "NaN"/],
    [['tune', '--batch-size', '100000'], /expected a whole number from 1 to 65536 for --batch-size/],
    [['tune', '--max-drop', '0.01', '--lambda', '2'], /--max-drop and --lambda are two modes of the search/],
    [['evaluate', 'm', '--data', 'd', '--batch-size', '1e9'], /from 1 to 65536 for --batch-size but received "1e9"/],
    [['tune', '--max-drop', '1'], /expected a number 0 or more and below 1 for --max-drop/],
    [['tune', '--seed', '-7'], /for --seed but received "-7"/],
    [['tune', '--criterion', 'magic'], /expected "dns" for --criterion but received "magic"/],
    [['tune', '--device', 'gpu'], /expected auto, cpu or cuda:N for --device/],
    [['tune', '--resume', 'run', '--lr', '1'], /--lr cannot be given with --resume/],
    [['tune', '--config', '/nowhere.json'], /cannot read --config \/nowhere.json/],
    [['inspect'], /<file> is missing after inspect/],
    [['evaluate'], /which model\? Give a model file, or --model NAME --weights FILE/],
    [['evaluate', 'm.safetensors'], /--data is missing/],
    [['evaluate', '--model', 'alexnet', '--data', 'photos'], /--model needs --weights/],
    [['predict', '--weights', 'w.pth', 'a.jpg'], /--weights needs --model/],
    [['predict', 'm.safetensors'], /which images\?/],
    [['predict', 'm.safetensors', 'a.jpg', '--top', '0'], /expected a whole number 1 or more for --top/],
    [['export'], /<words..> is missing after export/],
    [['export', '--model', 'alexnet', 'a.onnx'], /--model needs --weights/],
    [['export', 'm.safetensors'], /which file to write\? Name an .onnx or .safetensors file after the model/],
    [['export', 'm.safetensors', 'a.onnx', 'b.onnx'], /unexpected word "b.onnx" after a.onnx, the file to write/],
    [['export', 'm.safetensors', 'a.bin'], /a.bin: its extension tells no format; .*--format onnx or --format safe/],
    [['export', 'm.safetensors', 'a', '--format', 'tflite'], /expected one of onnx, safetensors for --format/],
    [['export', 'm.safetensors', 'a.onnx', '--device', 'cpu'], /unknown flag --device/],
    [['tune', '--rounds', '1', '--', '--evals', '2'], /unexpected word "--evals" after tune/],
    [['tune', '--rounds', '--', '3'], /--rounds needs a value before --/],
    [['tune', '--strict=yes'], /expected true or false for --strict but received "yes"/],
    [['evaluate', 'm', '--partial=0'], /expected true or false for --partial but received "0"/],
    [['doctor', '--json=1'], /expected true or false for --json but received "1"/],
    [['inspect', 'tune', '--foo'], /unknown flag --foo; see finepune-native inspect --help/],
    [['--json'], /which command\? One of tune, evaluate/],
    [['--bogus', 'inspect', 'x'], /unknown flag --bogus; see finepune-native --help/],
    [['tune', '-data', 'x'], /unknown flag -data; did you mean --data\?/],
    [['tune', '-'], /unexpected word "-" after tune/],
    [['tune', '-o', 'x'], /unknown flag -o; see/],
    [['tune', '--evaluations', '3'], /unknown flag --evaluations; did you mean --evals\?/],
    [['tune', '--batchSize', '3'], /unknown flag --batchSize; did you mean --batch-size\?/],
    [['bench', 'tun'], /unknown command "bench tun"; did you mean tune\?; see finepune-native bench --help/],
  ])('answers %j with one line and exit status 2', async (words, message) => {
    const { status, stdout, stderr } = await run(...words);
    expect(stderr).toMatch(/^error E_USAGE: [^\n]+\n$/);
    expect(stderr).toMatch(message);
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' });
  });

  it('answers a failure with one line and exit status 1, and adds the stack with --verbose', async () => {
    const empty = mkdtempSync(join(tmpdir(), 'finepune-empty-'));
    const plain = await run('report', empty);
    expect(plain.status).toBe(1);
    expect(plain.stderr).toMatch(/^error E_RUN: [^\n]+\n$/);
    const verbose = await run('report', empty, '--verbose');
    expect(verbose.stderr).toMatch(/^error E_RUN: .*\n.*RunError: [\s\S]*\n {4}at /);
  });

  it('counts words after -- as positional words, whatever they look like', async () => {
    for (const name of ['-dash', '--json', 'plain']) {
      const { stderr } = await run('report', '--', name);
      expect(stderr).toMatch(new RegExp(`^error E_RUN: .*${name}`));
    }
  });

  it.each([
    ['--strict=true', '--rounds=0'],
    ['--no-strict', '--rounds=0'],
  ])('takes the switch %s', async (...words) => {
    expect((await run('tune', ...words)).stderr).toMatch(/for --rounds/);
  });

  it('fails where its result cannot be written, and says so in one line', async () => {
    const stdout = Object.assign(new FakeStream(), {
      failure: () => Promise.resolve(new Error('ENOSPC: no space left on device, write')),
    });
    const directory = makeUpRun();
    for (const [words, expected] of [
      [['--help'], 1],
      [['report', directory, '--json'], 1],
      // The report is on disk all the same.
      [['report', directory], 0],
    ] as const) {
      const stderr = new FakeStream();
      const signal = new AbortController().signal;
      expect(await runProgram([...words], { stdout, stderr, signal, onSlowWork: () => undefined })).toBe(expected);
      expect(stderr.text).toMatch(
        expected === 0 ? /^$/ : /^error E_IO: standard output cannot be written \(ENOSPC[^\n]+\n$/,
      );
    }
  });

  it('writes nothing but JSON to stdout with --json', async () => {
    const directory = makeUpRun();
    const { status, stdout, stderr } = await run('report', directory, '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ report: join(directory, 'report.html') });
  });
});
