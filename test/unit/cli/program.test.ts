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
  it.each(['tune', 'evaluate', 'predict', 'inspect', 'report', 'doctor', 'install'])(
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

  it.each([
    [[], /which command\? One of tune, evaluate/],
    [['tun'], /unknown command "tun"; did you mean tune\?; see finepune-native --help/],
    [['--bogus'], /unknown flag --bogus; see finepune-native --help/],
    [['tune', '--round', '3'], /unknown flag --round; did you mean --rounds\?; see finepune-native tune --help/],
    [['tune', 'photos'], /unexpected word "photos" after tune/],
    [['tune', '--rounds'], /--rounds needs a value/],
    [['tune', '--rounds', '-1'], /expected a whole number 1 or more for --rounds but received "-1"/],
    [['tune', '--rounds', '2.5'], /for --rounds but received "2.5"/],
    [['tune', '--lr', 'NaN'], /expected a number above 0 for --lr but received "NaN"/],
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

  it('writes nothing but JSON to stdout with --json', async () => {
    const directory = makeUpRun();
    const { status, stdout, stderr } = await run('report', directory, '--json');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ report: join(directory, 'report.html') });
  });
});
