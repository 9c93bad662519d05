/** Bad input: one clear line, the right exit status, nothing half written. */

import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeEndlessHeader, writeMaliciousCheckpoint, truncate } from './support/bad-files.js';
import { eventsOf, makeFolder, runCli, startCli, type Outcome } from './support/cli.js';
import { budget, makeSmallTask, pixels, quickly, type SmallTask } from './support/small-task.js';

let task: SmallTask;
beforeAll(async () => {
  task = await makeSmallTask();
});

/** Expects a failure told in one line, and gives it. */
function failure({ status, stdout, stderr }: Outcome, code: string, expectedStatus = 1): string {
  const errors = stderr.split('\n').filter((line) => line.startsWith('error '));
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(new RegExp(`^error ${code}: `));
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(stdout).not.toContain('NaN');
  expect(status).toBe(expectedStatus);
  return errors[0] ?? '';
}

/** Runs tune into a folder that is not there yet and expects that it is not there afterwards. */
async function failingTune(changes: Partial<SmallTask>, code: string, ...flags: string[]): Promise<string> {
  const out = join(makeFolder(), 'run');
  const line = failure(await runCli([...quickly({ ...task, ...changes }), '--out', out, ...flags]), code);
  expect(existsSync(out)).toBe(false);
  return line;
}

/** A data folder of two classes of good pictures, each with whatever `add` puts there. */
async function dataWith(add: (folder: string) => Promise<void> | void): Promise<string> {
  const { data } = await makeSmallTask(12);
  await add(data);
  return data;
}

describe('data folders', () => {
  it('names a folder that is not there', async () => {
    const data = join(task.folder, 'nowhere');
    expect(await failingTune({ data }, 'E_DATA')).toContain(data);
  });

  it('names an empty class folder', async () => {
    const data = await dataWith((folder) => {
      mkdirSync(join(folder, 'nothing'));
    });
    expect(await failingTune({ data }, 'E_DATA')).toContain('nothing');
  });

  it('refuses one class only', async () => {
    const data = await dataWith((folder) => {
      rmSync(join(folder, 'warm'), { recursive: true });
    });
    expect(await failingTune({ data }, 'E_DATA')).toMatch(/one class only \("cold"\)/);
  });

  it('skips a text file named .jpg and names it; --strict makes it fatal', async () => {
    const data = await dataWith((folder) => {
      writeFileSync(join(folder, 'cold', 'notes.jpg'), 'not a picture\n');
    });
    const out = join(makeFolder(), 'run');
    const { status, stderr } = await runCli([...quickly({ ...task, data }), '--out', out]);
    expect(stderr).toMatch(/skipped .*notes\.jpg: .+/);
    expect(status).toBe(0);
    expect(await failingTune({ data }, 'E_IMAGE', '--strict')).toContain('notes.jpg');
  });

  it('skips a truncated JPEG and names it; --strict makes it fatal', async () => {
    const data = await dataWith(async (folder) => {
      const whole = join(folder, 'whole.jpg');
      await sharp(pixels(0, 99), { raw: { width: 16, height: 16, channels: 3 } })
        .jpeg()
        .toFile(whole);
      truncate(whole, join(folder, 'cold', 'half.jpg'), 0.7);
      rmSync(whole);
    });
    const out = join(makeFolder(), 'run');
    const { status, stdout } = await runCli([...quickly({ ...task, data }), '--out', out, '--json']);
    expect(status).toBe(0);
    expect(eventsOf(stdout).find(({ event }) => event === 'data')).toMatchObject({
      skipped: [{ path: join(data, 'cold', 'half.jpg'), reason: expect.any(String) as string }],
    });
    expect(await failingTune({ data }, 'E_IMAGE', '--strict')).toContain('half.jpg');
  });
});

describe('weights', () => {
  it('tells weights of another network', async () => {
    const line = await failingTune({ model: 'squeezenet1_1' }, 'E_WEIGHTS');
    expect(line).toMatch(/weights of another network.*squeezenet1_1/);
  });

  it('names a file that is not there', async () => {
    expect(await failingTune({ weights: join(task.folder, 'gone.pth') }, 'E_(IO|WEIGHTS)')).toContain('gone.pth');
  });

  it.each([0.3, 0.9])('tells a .safetensors cut off at %f of its length', async (share) => {
    const weights = join(makeFolder(), 'cut.safetensors');
    truncate(task.weights, weights, share);
    expect(await failingTune({ weights }, 'E_WEIGHTS')).toContain(weights);
    const inspected = failure(await runCli(['inspect', weights, '--json']), 'E_WEIGHTS');
    expect(inspected).toContain(weights);
  });

  it('tells a header longer than its file', async () => {
    const weights = join(makeFolder(), 'endless.safetensors');
    writeEndlessHeader(weights);
    expect(await failingTune({ weights }, 'E_WEIGHTS')).toContain(weights);
  });

  it('refuses a pickle that would run a command, by the name of what it asked for', async () => {
    const folder = makeFolder();
    const weights = join(folder, 'evil.pth');
    const target = join(folder, 'proof');
    await writeMaliciousCheckpoint(weights, target);
    expect(await failingTune({ weights }, 'E_WEIGHTS')).toMatch(/posix[. ]system/);
    expect(existsSync(target)).toBe(false);
  });
});

describe('settings', () => {
  it('lists the models there are when it knows none of that name', async () => {
    const out = join(makeFolder(), 'run');
    const line = failure(await runCli([...quickly({ ...task, model: 'alexnett' }), '--out', out]), 'E_USAGE', 2);
    expect(line).toMatch(/unknown model "alexnett"; known: alexnet/);
    expect(existsSync(out)).toBe(false);
  });

  it.each([
    [['--criterion', 'magic'], /expected "dns" for --criterion/],
    [['--rounds', '-3'], /expected a whole number from 1 to 1000 for --rounds but received "-3"/],
    [['--lr', 'NaN'], /expected a number above 0 and at most 100 for --lr but received "NaN"/],
    [['--max-drop', '-0.01'], /for --max-drop but received "-0.01"/],
    [['--batch-size', '2.5'], /for --batch-size but received "2.5"/],
    [['--seed', '-1'], /for --seed but received "-1"/],
    [['--max-drop', '0.01', '--lambda', '2'], /--max-drop and --lambda/],
  ])('refuses %j with exit status 2 before anything is read', async (flags, message) => {
    const out = join(makeFolder(), 'run');
    const line = failure(await runCli([...quickly(task), ...flags, '--out', out]), 'E_USAGE', 2);
    expect(line).toMatch(message);
    expect(existsSync(out)).toBe(false);
  });

  it('does not fall back to the CPU where cuda is asked for and is not there', async (context) => {
    const { stdout } = await runCli(['doctor', '--json']);
    const { devices } = JSON.parse(stdout) as { devices: string[] };
    if (devices.some((device) => device.startsWith('cuda'))) context.skip('a CUDA device is there');
    expect(await failingTune({}, 'E_DEVICE', '--device', 'cuda')).toMatch(/cuda/);
    const model = join(task.folder, 'no-matter.safetensors');
    failure(await runCli(['evaluate', model, '--data', task.data, '--device', 'cuda']), 'E_(DEVICE|IO|MODEL_FILE)');
  });
});

describe('--out', () => {
  it('refuses a file', async () => {
    const out = join(makeFolder(), 'taken');
    writeFileSync(out, 'mine');
    expect(failure(await runCli([...quickly(task), '--out', out]), 'E_RUN')).toContain(out);
    expect(readFileSync(out, 'utf8')).toBe('mine');
  });

  it.each(['/proc/finepune/run', '/dev/null/run'])('names %s, which cannot be written', async (out) => {
    expect(failure(await runCli([...quickly(task), '--out', out]), 'E_(IO|RUN)')).toContain(out);
  });

  it('does not touch a folder that holds something else', async () => {
    const out = makeFolder();
    writeFileSync(join(out, 'thesis.txt'), 'years of work');
    expect(failure(await runCli([...quickly(task), '--out', out]), 'E_RUN')).toContain('thesis.txt');
    expect(readdirSync(out)).toEqual(['thesis.txt']);
  });

  it('tells who holds a run in progress, to a second tune and to a second --resume', async () => {
    const out = join(makeFolder(), 'run');
    const seconds: Promise<Outcome>[] = [];
    const { child, outcome } = startCli([...quickly(task), ...budget(2000), '--out', out, '--json'], {
      onStdout: (stdout) => {
        if (seconds.length > 0 || !stdout.includes('"warm-up"')) return;
        seconds.push(runCli([...quickly(task), '--out', out]), runCli(['tune', '--resume', out]));
      },
    });
    while (seconds.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    for (const second of seconds) {
      expect(failure(await second, 'E_RUN')).toMatch(new RegExp(`in use by process ${child.pid}`));
    }
    child.kill('SIGKILL');
    await outcome;
  });

  it('tells a folder that holds no run from one to resume', async () => {
    const folder = makeFolder();
    expect(failure(await runCli(['tune', '--resume', folder]), 'E_RUN')).toContain(folder);
  });
});

describe('a full disk', () => {
  // A limit on the size of files stands in for a full disk: the same call fails, and no privilege is needed.
  it('fails at the checkpoint in one line, leaves no torn file, and goes on once there is room', async () => {
    const out = join(makeFolder(), 'run');
    await runCli([...quickly(task), '--out', join(makeFolder(), 'warm-cache')]);
    const line = failure(await runCli([...quickly(task), '--out', out], { fileLimitKib: 8 }), 'E_IO');
    expect(line).toContain(out);
    const left = readdirSync(out, { recursive: true, encoding: 'utf8' });
    expect(left.filter((name) => name.includes('tmp'))).toEqual([]);
    expect(existsSync(join(out, 'result.json'))).toBe(false);
    const { status } = await runCli(['tune', '--resume', out]);
    expect(status).toBe(0);
    expect(existsSync(join(out, 'result.json'))).toBe(true);
  });
});

describe('standard output on a full disk', () => {
  const stdoutTo = '/dev/full';

  it('does not stop a run, whose result is in its folder', async () => {
    const out = join(makeFolder(), 'run');
    const { status, stderr } = await runCli([...quickly(task), '--out', out], { stdoutTo });
    expect({ status, errors: stderr.match(/^error/gm) }).toEqual({ status: 0, errors: null });
    expect(existsSync(join(out, 'result.json'))).toBe(true);
  });

  it.each([[['--help']], [['inspect', 'WEIGHTS']], [['doctor', '--json']]])(
    'fails %j in one line, since its result is lost',
    async (words) => {
      const known = words.map((word) => (word === 'WEIGHTS' ? task.weights : word));
      expect(failure(await runCli(known, { stdoutTo }), 'E_IO')).toMatch(/standard output cannot be written \(ENOSPC/);
    },
  );
});

describe('model files', () => {
  it('refuses plain weights as a model, and says how to give them', async () => {
    const line = failure(await runCli(['predict', task.weights, join(task.data, 'cold', '0.png')]), 'E_MODEL_FILE');
    expect(line).toContain('--model NAME --weights FILE');
  });
});
