import { describe, expect, it } from 'vitest';
import { Terminal } from '../../../lib/cli/render/terminal.js';
import { TuneStory } from '../../../lib/cli/render/tune-story.js';
import type { DataEvent, TuneEvent, TuneResult } from '../../../lib/run/types.js';
import { FakeStream } from './fake-stream.js';

const result: TuneResult = {
  accuracy: { dense: 0.745, compressed: 0.7375, split: 'test', images: 400 },
  parameters: { total: 56_899_616, kept: 2_844_981, compression: 20 },
  bytes: { dense: 227_598_464, file: 14_000_000, ratio: 16.26 },
  layers: [{ name: 'conv1.weight', count: 34_848, kept: 17_424 }],
  seconds: { decode: 8, search: 600, train: 1300, total: 1950 },
  peakRssBytes: 1.9e9,
  device: 'cpu',
  seed: 1,
  model: 'run/model.safetensors',
  report: 'run/report.html',
};

function tell(events: TuneEvent[], verbose = false): { stdout: string; stderr: string } {
  const stdout = new FakeStream();
  const stderr = new FakeStream();
  const story = new TuneStory(new Terminal({ stdout, stderr }), verbose);
  for (const event of events) story.tell(event);
  return { stdout: stdout.text, stderr: stderr.text };
}

const evaluation: TuneEvent = {
  event: 'evaluation',
  round: 2,
  index: 3,
  point: [0.5],
  thresholds: {},
  accuracy: 0.7,
  deviation: 0.02,
  images: 320,
  mistakes: null,
  compression: 8,
  feasible: false,
  source: 'acquisition',
  strategy: 'global',
};

const start: TuneEvent = {
  event: 'start',
  run: 'run',
  resumed: true,
  model: 'alexnet',
  device: 'cpu',
  threads: 2,
  seed: 1,
  precision: { asked: 'bf16', used: 'bf16' },
  parameters: 57e6,
};

const data: DataEvent = {
  event: 'data',
  layout: 'folders',
  labels: ['a', 'b'],
  fit: 6,
  tune: 2,
  test: 2,
  skipped: [],
  ignored: null,
  repeated: null,
};

describe('TuneStory', () => {
  it('says, of a resumed run too, where the precision asked for is not used', () => {
    const plain = tell([start]);
    expect(plain.stdout).toContain('going on with run');
    expect(plain.stderr).toBe('');
    const { stderr } = tell([{ ...start, precision: { asked: 'bf16', used: 'fp32' } }]);
    expect(stderr).toContain('precision bf16: this CPU has no instructions for it, fp32 is used');
  });

  it('ends with the table of both networks and where the files are', () => {
    const { stdout } = tell([{ event: 'done', ...result }]);
    expect(stdout).toMatch(/test accuracy +74\.5% +73\.8% +-0\.8 points on 400 images/);
    expect(stdout).toMatch(/parameters +56,899,616 +2,844,981 +20\.0x fewer/);
    expect(stdout).toContain('model   run/model.safetensors\nreport  run/report.html');
    expect(stdout).not.toContain('conv1.weight');
  });

  it('tells candidates and layers only with --verbose', () => {
    expect(tell([evaluation]).stdout).toBe('');
    expect(tell([evaluation], true).stdout).toMatch(/candidate 2\.3 \(acquisition\): accuracy 70\.0% .*too inaccurate/);
    expect(tell([{ event: 'done', ...result }], true).stdout).toMatch(/conv1\.weight +34,848 +17,424 +50\.0%/);
  });

  it('names skipped images on stderr, and counts them where there are many', () => {
    const skipped = Array.from({ length: 12 }, (_, index) => ({ path: `photos/${index}.jpg`, reason: 'cut off' }));
    const { stdout, stderr } = tell([{ ...data, skipped }]);
    expect(stdout).toContain('2 classes (folders): 6 images to fit, 2 to tune, 2 to test');
    expect(stderr).toContain('skipped photos/0.jpg: cut off\n');
    expect(stderr).toContain('skipped 2 more images');
    expect(stderr).not.toContain('among those to fit');
    expect(stderr).not.toContain('left out');
  });

  it('says on stderr, in one line, how many images were left out for their format, and which formats are read', () => {
    const { stderr } = tell([{ ...data, ignored: { '.gif': 1200, '.heic': 1 } }]);
    expect(stderr).toBe(
      'left out 1,200 .gif, 1 .heic: images are read from .jpg, .png, .tif, .webp or .bmp files only; convert them to use them\n',
    );
  });

  it('says on stderr, in one line, that images to test are also among those to fit', () => {
    const repeated = { tune: 0, test: 1, example: { path: 'photos/1.jpg', inFit: 'photos/2.jpg' } };
    const { stderr } = tell([{ ...data, repeated }]);
    expect(stderr).toMatch(/^1 of 2 images to test is also among those to fit.*photos\/1\.jpg is photos\/2\.jpg\)\n$/);
  });
});
