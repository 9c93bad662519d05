/** A run and what is made of it: tune, evaluate, predict, inspect, report. */

import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { EvaluateReport, Prediction } from '../../lib/serve/index.js';
import type { Inspection } from '../../lib/models/index.js';
import type { TuneConfig, TuneResult } from '../../lib/run/types.js';
import { eventsOf, makeFolder, runCli, startCli, type Outcome } from './support/cli.js';
import { budget, makeSmallTask, quickly, type SmallTask } from './support/small-task.js';

let task: SmallTask;
/** A finished run. */
let run: string;
let told: Outcome;

beforeAll(async () => {
  task = await makeSmallTask(40);
  run = join(makeFolder(), 'run');
  told = await runCli([...quickly(task), '--out', run, '--json']);
});

function resultOf(directory: string): TuneResult {
  return JSON.parse(readFileSync(join(directory, 'result.json'), 'utf8')) as TuneResult;
}

/** What a run must repeat to the last digit. */
function repeatable({
  seconds: _seconds,
  peakRssBytes: _bytes,
  model: _model,
  report: _report,
  ...rest
}: TuneResult): unknown {
  return rest;
}

describe('tune', () => {
  it('tells its events as JSON lines and nothing else, the result last', () => {
    const events = eventsOf(told.stdout);
    expect(told).toMatchObject({ status: 0, stderr: '' });
    const stages = events.map(({ event }) => event).filter((event) => event !== 'progress');
    expect([...new Set(stages)]).toEqual(['start', 'data', 'warmup', 'evaluation', 'round', 'finetune', 'done']);
    const { event: _event, ...result } = events.at(-1) ?? { event: '' };
    expect(result).toEqual(resultOf(run));
  });

  it('leaves a run directory with everything in it', () => {
    for (const name of [
      'config.json',
      'journal.jsonl',
      'metrics.jsonl',
      'result.json',
      'model.safetensors',
      'report.html',
    ]) {
      expect(existsSync(join(run, name)), name).toBe(true);
    }
  });

  it('tells people in plain lines when piped, with progress on stderr', async () => {
    const { status, stdout, stderr } = await runCli([...quickly(task), '--out', join(makeFolder(), 'run')]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/round 2: .*fewer parameters/);
    expect(stdout).toMatch(/test accuracy +[\d.]+% +[\d.]+%/);
    expect(stderr).toMatch(/warm-up: 100% \(4\/4 steps/);
    expect(stdout + stderr).not.toContain('\u001b');
  });

  it('goes on to its end when the reader of its output goes away', async () => {
    const out = join(makeFolder(), 'run');
    const { child, outcome } = startCli([...quickly(task), '--out', out, '--json']);
    child.stdout?.destroy();
    child.stderr?.destroy();
    expect((await outcome).status).toBe(0);
    expect(resultOf(out).accuracy.images).toBe(16);
  });

  it('takes a config file, flags before it', async () => {
    const again = join(makeFolder(), 'run');
    const { status } = await runCli(['tune', '--config', join(run, 'config.json'), '--out', again, '--json']);
    expect(status).toBe(0);
    expect(repeatable(resultOf(again))).toEqual(repeatable(resultOf(run)));
  });

  it("takes a flag for the other mode of search than its config file's", async () => {
    const again = join(makeFolder(), 'run');
    const words = ['tune', '--config', join(run, 'config.json'), '--lambda', '0.5', '--out', again, '--json'];
    expect(await runCli(words)).toMatchObject({ status: 0, stderr: '' });
    const { lambda, maxDrop } = JSON.parse(readFileSync(join(again, 'config.json'), 'utf8')) as TuneConfig;
    expect({ lambda, maxDrop }).toEqual({ lambda: 0.5, maxDrop: null });
  });
});

describe('an interrupted run', () => {
  const long = (): string[] => [...quickly(task), ...budget(60)];
  let whole: TuneResult;
  beforeAll(async () => {
    const out = join(makeFolder(), 'run');
    await runCli([...long(), '--out', out, '--json']);
    whole = resultOf(out);
  });

  async function stopAt(event: string, signal: NodeJS.Signals): Promise<{ out: string; outcome: Outcome }> {
    const out = join(makeFolder(), 'run');
    let sent = false;
    const { outcome } = startCli([...long(), '--out', out, '--json'], {
      onStdout: (stdout, child) => {
        if (!sent && stdout.includes(`"event":"${event}"`)) {
          sent = true;
          child.kill(signal);
        }
      },
    });
    return { out, outcome: await outcome };
  }

  it.each(['warmup', 'round', 'finetune'])(
    'stops at Ctrl-C after %s with 130, and ends as one never stopped',
    async (event) => {
      const { out, outcome } = await stopAt(event, 'SIGINT');
      expect(outcome.status).toBe(130);
      expect(outcome.stderr).toMatch(/interrupted: saving a checkpoint/);
      expect(outcome.stderr).toMatch(/error E_ABORTED: [^\n]+\n$/);
      expect(outcome.stderr).toContain(`; go on with: finepune-native tune --resume ${out}\n`);
      const resumed = await runCli(['tune', '--resume', out, '--json']);
      expect(resumed.status).toBe(0);
      expect(repeatable(resultOf(out))).toEqual(repeatable(whole));
    },
  );

  it.each(['warmup', 'evaluation', 'round', 'finetune'])(
    'survives kill -9 after %s, and ends as one never killed',
    async (event) => {
      const { out, outcome } = await stopAt(event, 'SIGKILL');
      expect(outcome.signal).toBe('SIGKILL');
      const resumed = await runCli(['tune', '--resume', out, '--json']);
      expect(resumed.stderr).toBe('');
      expect(resumed.status).toBe(0);
      expect(repeatable(resultOf(out))).toEqual(repeatable(whole));
    },
  );

  it('keeps the images decoded before Ctrl-C, and the same command goes on from there', async () => {
    const fresh = await makeSmallTask(30); // other images than those decoded before
    const out = join(makeFolder(), 'run');
    const words = [...quickly(fresh), '--out', out, '--json'];
    // From inside, so that it comes while there are images left, however slow this process is.
    const interruptAtTen = `process.stdout.write = new Proxy(process.stdout.write, { apply(write, stream, [text, ...rest]) {
      if (/"task":"decoding","done":10,/.test(text)) process.kill(process.pid, 'SIGINT');
      return write.call(stream, text, ...rest);
    } });`;
    vi.stubEnv('NODE_OPTIONS', `--import data:text/javascript,${encodeURIComponent(interruptAtTen)}`);
    onTestFinished(() => void vi.unstubAllEnvs());
    const stopped = await runCli(words);
    vi.unstubAllEnvs();
    expect(stopped.stderr).toMatch(/^interrupted: saving the images decoded so far; press Ctrl-C again [^\n]+\n/);
    const [, kept] =
      /: stopped on request; (\d+) of 60 are decoded and kept, start again [^\n]+\n$/.exec(stopped.stderr) ?? [];
    expect(stopped.status).toBe(130);
    expect(existsSync(out)).toBe(false);
    const again = await runCli(words);
    expect(again).toMatchObject({ status: 0, stderr: '' });
    const told = eventsOf(again.stdout).filter(({ task }) => task === 'decoding');
    expect(told.slice(0, 2)).toMatchObject([{ done: 0 }, { done: Number(kept), rate: null }]);
    expect(told).toHaveLength(2 + 60 - Number(kept));
    expect(resultOf(out).accuracy.images).toBe(12);
  });

  it('leaves at once at the second Ctrl-C, in the middle of a slice', async () => {
    // Batches so large that the slice under way outlives both signals.
    const words = [...quickly(task), ...budget(100_000), '--batch-size', '20000', '--out', join(makeFolder(), 'run')];
    let interrupts = 0;
    const { outcome } = startCli(words, {
      onStdout: (stdout, child) => {
        if (interrupts === 0 && stdout.includes('images to fit')) {
          interrupts = 1;
          setTimeout(() => child.kill('SIGINT'), 500);
        }
      },
      onStderr: (stderr, child) => {
        if (interrupts === 1 && stderr.includes('interrupted')) {
          interrupts = 2;
          child.kill('SIGINT');
        }
      },
    });
    const { status, signal } = await outcome;
    expect({ status, signal }).toEqual({ status: 130, signal: null });
  });
});

describe('evaluate', () => {
  it("gives exactly result.json's accuracy in a new process", async () => {
    const { status, stdout } = await runCli([
      'evaluate',
      join(run, 'model.safetensors'),
      '--data',
      task.data,
      '--json',
    ]);
    expect(status).toBe(0);
    const report = JSON.parse(stdout) as EvaluateReport;
    const { accuracy } = resultOf(run);
    expect(report.top1).toBe(accuracy.compressed);
    expect(report.images).toBe(accuracy.images);
    expect(report.sameAsRun).toBe(true);
    expect(report.perClass.map(({ label }) => label)).toEqual(['cold', 'warm']);
    expect(report.perClass.reduce((sum, { images }) => sum + images, 0)).toBe(report.images);
  });

  it('says so where the images are not those that the run was measured on', async () => {
    const data = join(makeFolder(), 'grown');
    cpSync(task.data, data, { recursive: true });
    for (const label of ['cold', 'warm']) {
      await sharp(join(data, label, '3.png'))
        .negate()
        .toFile(join(data, label, 'x.png'));
    }
    const model = join(run, 'model.safetensors');
    const note = /^these are not the run's images to test: .* may have been trained on some of them; .* --part all\n$/;
    const changed = await runCli(['evaluate', model, '--data', data, '--json']);
    expect((JSON.parse(changed.stdout) as EvaluateReport).sameAsRun).toBe(false);
    expect(changed.stderr).toMatch(note);
    const whole = await runCli(['evaluate', model, '--data', data, '--part', 'all', '--json']);
    expect((JSON.parse(whole.stdout) as EvaluateReport).sameAsRun).toBeNull();
    expect(whole.stderr).toBe('');
  });

  it('takes every image with --part all', async () => {
    const model = join(run, 'model.safetensors');
    const { stdout } = await runCli(['evaluate', model, '--data', task.data, '--part', 'all', '--json']);
    expect((JSON.parse(stdout) as EvaluateReport).images).toBe(80);
  });

  it('takes a network that was never tuned', async () => {
    const words = ['evaluate', '--model', task.model, '--weights', task.weights, '--data', task.data];
    const { status, stdout } = await runCli([...words, '--json']);
    expect(status).toBe(0);
    expect((JSON.parse(stdout) as EvaluateReport).images).toBeGreaterThan(0);
    expect((await runCli(words)).stdout).toMatch(/images: top-1 [\d.]+%/);
  });

  it('names a class that the model does not know', async () => {
    const { data } = await makeSmallTask(3);
    const { renameSync } = await import('node:fs');
    renameSync(join(data, 'warm'), join(data, 'tepid'));
    const { status, stderr } = await runCli([
      'evaluate',
      join(run, 'model.safetensors'),
      '--data',
      data,
      '--part',
      'all',
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/error E_DATA: .*the class "tepid"; it knows cold, warm/);
  });
});

describe('predict', () => {
  it('gives one picture the same label as JPEG, PNG, TIFF and WebP', async () => {
    const folder = makeFolder();
    const source = sharp(join(task.data, 'warm', '3.png'));
    const paths = ['jpg', 'png', 'tiff', 'webp'].map((extension) => join(folder, `picture.${extension}`));
    for (const path of paths) await source.clone().toFile(path);
    const { status, stdout } = await runCli(['predict', join(run, 'model.safetensors'), ...paths, '--json']);
    expect(status).toBe(0);
    const rows = JSON.parse(stdout) as { image: string; predictions: Prediction[] }[];
    expect(rows.map(({ image }) => image)).toEqual(paths);
    expect(new Set(rows.map(({ predictions }) => predictions[0]?.label)).size).toBe(1);
    for (const { predictions } of rows) {
      expect(predictions.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1, 9);
    }
  });

  it('tells of one bad picture and classifies the others', async () => {
    const good = join(task.data, 'cold', '0.png');
    const { status, stdout, stderr } = await runCli([
      'predict',
      join(run, 'model.safetensors'),
      '/nowhere.jpg',
      good,
      '--json',
    ]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error E_IMAGE: \/nowhere\.jpg: [^\n]+\n$/);
    expect(JSON.parse(stdout)).toMatchObject([{ image: '/nowhere.jpg', predictions: [] }, { image: good }]);
  });
});

describe('inspect', () => {
  it('counts what result.json counts', async () => {
    const { stdout } = await runCli(['inspect', join(run, 'model.safetensors'), '--json']);
    const { format, total } = JSON.parse(stdout) as Inspection;
    const { parameters, bytes } = resultOf(run);
    expect(format).toBe('finepune');
    expect({ total: total.parameters, kept: total.kept }).toEqual({ total: parameters.total, kept: parameters.kept });
    expect(total.bytesFile).toBe(bytes.file);
  });
});

describe('report', () => {
  it('is written anew from the run directory', async () => {
    const out = join(makeFolder(), 'again.html');
    const { status } = await runCli(['report', run, '--out', out]);
    expect(status).toBe(0);
    expect(readFileSync(out, 'utf8')).toBe(readFileSync(join(run, 'report.html'), 'utf8'));
  });
});

describe('doctor', () => {
  it('finds everything that tuning needs', async () => {
    const { status, stdout } = await runCli(['doctor', '--json']);
    const diagnosis = JSON.parse(stdout) as { ok: boolean; devices: string[]; problems: string[] };
    expect(diagnosis.problems).toEqual([]);
    expect(diagnosis.devices[0]).toBe('cpu');
    expect(status).toBe(0);
  });

  it('says that LIBTORCH names a folder that is no libtorch, though another is linked', async () => {
    vi.stubEnv('LIBTORCH', '/nowhere');
    onTestFinished(() => void vi.unstubAllEnvs());
    const { status, stdout, stderr } = await runCli(['doctor']);
    expect(stderr).toContain(
      'problem: LIBTORCH cannot be used: /nowhere has no lib/libtorch_cpu.so; set it to a libtorch folder, or unset it',
    );
    expect(stdout).toContain('1 to mend');
    expect(status).toBe(1);
  });

  it('says how training computes common layers here, at each density', async () => {
    const { stdout } = await runCli(['doctor', '--json']);
    const { native, products } = JSON.parse(stdout) as {
      native: { kernels: string };
      products: { layer: string; density: number; products: string; weightGradient: string }[];
    };
    expect(['portable', 'avx2', 'avx512']).toContain(native.kernels);
    const linear = products.filter(({ layer }) => layer === 'linear 9216 to 4096');
    expect(linear.map(({ density }) => density)).toEqual([1, 0.3, 0.05]);
    expect(linear[2]?.products === 'sparse').toBe(native.kernels !== 'portable');
    const text = await runCli(['doctor']);
    expect(text.stdout).toContain('linear 9216 to 4096: ');
  });
});
